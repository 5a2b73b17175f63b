import * as api from '@opentelemetry/api';
import type { Context, HrTime, SpanKind } from '@opentelemetry/api';
import {
  closing,
  nameMember,
  parentMember,
  parentSpanMember,
  PayloadOpenings,
  spanMember,
  timeMember,
  traceMembers,
} from '../../diagnostics/write/diag-payload.ts';
import { fieldsJson } from '../../diagnostics/write/fields-json.ts';
import { finishRoom, withReason } from '../../diagnostics/write/reason-members.ts';
import type { RecordName } from '../../diagnostics/layout.ts';
import { LayerError, messageOf } from '../../errors.ts';
import { CHANNEL_OPTIONS, type KvpChannelOptions } from '../../layers/channel-options.ts';
import type { KvpChannel } from '../../layers/kvp-channel.ts';
import { anyOption, type Checks, readOptions } from '../../option.ts';
import type { WriterStats } from '../../pool/pool-writer.ts';
import { BoundedCache } from '../../tracing/bounded-cache.ts';
import { Callsite } from '../../tracing/callsite.ts';
import type { Failure } from '../../tracing/failure.ts';
import type { Fields } from '../../tracing/fields.ts';
import { FilterSet } from '../../tracing/filter-set.ts';
import { type FilterInput, filterOf, filterOption } from '../../tracing/filter.ts';
import { Level } from '../../tracing/level.ts';

import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import type { RedactOption } from '../../tracing/redactor.ts';
import { cutName, dateText } from '../../tracing/value.ts';
import { mirroredId, processors } from '../layer/mirrored.ts';
import { AttributeReader } from './attribute-reader.ts';
import { boundException } from './bounded-exception.ts';
import { IS_KVP_SPAN_PROCESSOR } from './join-provider.ts';
import { type ResourceOf, ServiceChannels } from './service-channels.ts';
import { Date } from '../../tracing/timers.ts';

// Each look at a member of the API runs a getter of its module: one for all spans.
const { trace } = api;
const { SAMPLED } = api.TraceFlags;
const { ERROR } = api.SpanStatusCode;
const { INTERNAL } = api.SpanKind;

export interface KvpSpanProcessorOptions extends KvpChannelOptions {
  /** Which spans and events are written; their target is the name of the instrumentation scope. Default `'info'`. */
  filter?: FilterInput | undefined;
  /** Attributes whose values are not written; see `RegistryOptions`. Default `[]`. */
  redact?: RedactOption | undefined;
}

/** `Redactor` checks its option itself. */
const OPTIONS: Checks<KvpSpanProcessorOptions> = {
  ...CHANNEL_OPTIONS,
  filter: filterOption,
  redact: anyOption,
};

interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean | undefined;
}

/** What is read of a span that OpenTelemetry's SDK, 2 or 3, starts. */
export interface StartedSpan {
  readonly name: string;
  readonly attributes: object;
  readonly instrumentationScope: { readonly name: string };
  readonly parentSpanContext?: SpanIds | undefined;
  readonly resource?: ResourceOf | undefined;
  spanContext(): SpanIds;
}

/** What is read of a span of OpenTelemetry's SDK that ended. */
export interface EndedSpan extends StartedSpan {
  readonly kind: SpanKind;
  readonly status: { readonly code: number; readonly message?: string | undefined };
  readonly duration: HrTime;
  readonly events: readonly { readonly name: string; readonly time: HrTime; readonly attributes?: object }[];
}

/** The callsites of one instrumentation scope. */
interface InstrumentationScope {
  readonly target: string;
  readonly events: Readonly<Record<'INFO' | 'ERROR', Callsite>>;
  /** By the name of the span. */
  readonly spans: BoundedCache<Callsite>;
}

/** The span in the pool under which others are written: the span itself or the nearest one around it. */
interface SpanReference {
  /** The id of its records; `undefined` if none is written. */
  readonly id: string | undefined;
  /** The name of its records; `undefined` if it is not known here. */
  readonly name: RecordName | undefined;
  /** Who writes it, of all processors of its pool. */
  readonly owner: KvpSpanProcessor;
}

/** What is kept with a span that does not mirror one of ours. */
interface State extends SpanReference {
  readonly channel: KvpChannel;
  readonly scope: InstrumentationScope;
  /** The name that the span started with if it is written: its finish must have the same. */
  readonly started: string | undefined;
  /** The members of all its payloads. */
  readonly members: string;
  /** How many bytes its finish has in the records that its start reserves. */
  finishRoom: number;
  /** What its start says, if that is written. */
  said: Said | undefined;
}

/** The fields of a span, and a payload up to their end. */
interface Said {
  readonly fields: Fields;
  readonly payload: string;
}

/**
 * Writes the spans that OpenTelemetry traces in any program to the pool, as `EmitKVPLayer` writes ours.
 *
 * @example
 * ```ts
 * const provider = new BasicTracerProvider({ spanProcessors: [new KvpSpanProcessor({ filter: 'info,http=off' })] });
 * ```
 */
export class KvpSpanProcessor {
  readonly #channels: ServiceChannels;
  readonly #path: string;
  readonly #openings = new PayloadOpenings();
  readonly #reader: AttributeReader;
  readonly #filters: FilterSet;
  readonly #onProblem: ProblemHandler;
  readonly #scopes = new BoundedCache<InstrumentationScope>();
  /**
   * The member of a span that has its state: making a `WeakMap`'s entry takes as long as making a span. All processors
   * of a pool have the same, so that each span is written once.
   */
  readonly #key: symbol;
  /** @internal */
  readonly [IS_KVP_SPAN_PROCESSOR] = true;
  #hasThrown = false;
  #shutdown: Promise<void> | undefined;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(given?: KvpSpanProcessorOptions) {
    const options = readOptions(OPTIONS, given);
    this.#onProblem = guardedHandler(options.onProblem);
    this.#reader = new AttributeReader(options.redact);
    this.#filters = new FilterSet(
      (_, thrown) => this.#failed(thrown),
      () => {},
    );
    this.#filters.set(1, filterOf(options.filter ?? 'info'));
    this.#channels = new ServiceChannels(options);
    this.#path = this.#channels.path;
    this.#key = Symbol.for(`kvp-tracing.span.1:${this.#path}`);
    processors.open++;
  }

  /** Writes the start of a sampled span; never throws. */
  onStart(span: StartedSpan, parentContext: Context): void {
    try {
      const ids = span.spanContext();
      if ((ids.traceFlags & SAMPLED) === 0 || this.#shutdown !== undefined) return;
      if (this.#kept(span) !== undefined) return;
      const mirrored = mirroredId(parentContext, this.#path);
      if (mirrored !== undefined) return this.#keep(span, { id: mirrored, name: undefined, owner: this });
      const parent = this.#parentOf(span, parentContext);
      const state = this.#begin(span, ids, parent);
      this.#keep(span, state);
      if (state.started !== undefined) this.#start(span, state, parent?.id);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Writes the events and the finish of a sampled span; never throws. */
  onEnd(span: EndedSpan): void {
    try {
      const ids = span.spanContext();
      if ((ids.traceFlags & SAMPLED) === 0) return;
      let state = this.#kept(span);
      if (state === undefined) {
        if (this.#shutdown !== undefined) return;
        // Another processor passes on another object than the span that started.
        state = this.#begin(span, ids, this.#parentOf(span, undefined));
      }
      if (state.owner !== this || !('scope' in state)) return;
      const { events } = span;
      for (let i = 0; i < events.length; i++) this.#event(state, events[i] as EndedSpan['events'][number]);
      if (state.started !== undefined) this.#finish(span, state);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Resolves when everything so far is in the pool, after 5 s at the latest. */
  async forceFlush(): Promise<void> {
    await this.#channels.flush();
  }

  /** Flushes and closes the pool. Idempotent. */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      processors.open--;
      this.#shutdown = this.#channels.shutdown();
    }
    return this.#shutdown;
  }

  /** What became of everything so far. */
  stats(): WriterStats {
    return this.#channels.stats();
  }

  #keep(span: object, state: SpanReference | State): void {
    (span as Record<symbol, unknown>)[this.#key] = state;
  }

  #kept(span: object): SpanReference | State | undefined {
    return (span as Record<symbol, unknown>)[this.#key] as SpanReference | State | undefined;
  }

  /** The nearest written span around a span, as far as it is known here. */
  #parentOf(
    { parentSpanContext }: StartedSpan,
    parentContext: Context | undefined,
  ): SpanReference | undefined {
    if (parentSpanContext === undefined) return undefined;
    const around = parentContext === undefined ? undefined : trace.getSpan(parentContext);
    const known = around === undefined ? undefined : this.#kept(around);
    if (known !== undefined) return known;
    const { traceId, spanId, traceFlags, isRemote } = parentSpanContext;
    if (isRemote === true || (traceFlags & SAMPLED) === 0) return undefined;
    return { id: eventIdOf(traceId, spanId), name: undefined, owner: this };
  }

  #begin(span: StartedSpan, ids: SpanIds, parent: SpanReference | undefined): State {
    const scope = this.#scopeOf(span.instrumentationScope.name);
    const { target, spans } = scope;
    const { traceId, spanId } = ids;
    const channel = this.#channels.of(span.resource);
    const started = span.name;
    const callsite =
      spans.get(started) ?? spans.add(started, (own) => new Callsite('span', target, Level.INFO, own));
    if (!this.#passes(callsite, span.attributes)) {
      const members = traceMembers(traceId, spanId);
      // A name of another service's channel has no handle in this one.
      const name = parent?.name && channel.recordName(parent.name.full ?? parent.name.text);
      const quiet = { scope, started: undefined, members, finishRoom: 0, said: undefined };
      return { id: parent?.id, name, owner: this, channel, ...quiet };
    }
    const name = channel.recordName(started);
    const members = nameMember(name.full) + traceMembers(traceId, spanId);
    const id = eventIdOf(traceId, spanId);
    return { id, name, owner: this, channel, scope, started, members, finishRoom: 0, said: undefined };
  }

  #start(span: StartedSpan, state: State, parent: string | undefined): void {
    const { id = '', name, channel, scope, members } = state;
    const { INFO } = scope.events;
    const caller = span.parentSpanContext?.isRemote === true ? span.parentSpanContext.spanId : undefined;
    state.said = this.#say(INFO, this.#reader.read(span.attributes));
    const payload = state.said.payload + closing(members + parentMember(parent) + parentSpanMember(caller));
    state.finishRoom = finishRoom(payload);
    channel.start(name as RecordName, INFO.verbosity, payload, id);
  }

  #event(
    { id, name, channel, scope, started, members }: State,
    { name: message, time, attributes }: EndedSpan['events'][number],
  ): void {
    const callsite = scope.events[message === 'exception' ? 'ERROR' : 'INFO'];
    if (!this.#passes(callsite, attributes)) return;
    const own = name ?? channel.recordName(scope.target);
    const fields = this.#reader.read(attributes);
    if (message === 'exception') boundException(fields);
    // The name of the event is the message.
    const other = fields.take('message');
    if (other !== undefined) fields.set('message_', other);
    const around = started === undefined ? nameMember(own.full) + members : members;
    const end = closing(around + spanMember(id) + timeMember(timeText(time)));
    const payload = fieldsJson(this.#openings.ofEvent(callsite, message), fields, end);
    channel.event(own, callsite.verbosity, payload);
  }

  #finish(
    span: EndedSpan,
    { id = '', name, channel, scope, started, members, finishRoom: room, said }: State,
  ): void {
    const { INFO } = scope.events;
    // Most spans end with the attributes that they started with.
    const isSaid = said !== undefined && !hasOwnFields(span, started) && says(said.fields, span.attributes);
    const payload =
      (isSaid ? said : this.#say(INFO, this.#endFields(span, started))).payload + closing(members);
    const seconds = span.duration[0] + span.duration[1] / 1e9;
    const failure = this.#failureOf(span);
    const whole = failure === undefined ? payload : withReason(payload, failure, room);
    channel.finish(name as RecordName, INFO.verbosity, whole, id, failure !== undefined, seconds);
  }

  #say(callsite: Callsite, fields: Fields): Said {
    return { fields, payload: fieldsJson(this.#openings.of(callsite), fields, '') };
  }

  #endFields(span: EndedSpan, started: string | undefined): Fields {
    const fields = this.#reader.read(span.attributes);
    addOwnFields(fields, span, started);
    return fields;
  }

  /** Why a span failed: what its status says, else its last exception. */
  #failureOf({ status, events }: EndedSpan): Failure | undefined {
    if (status.code !== ERROR) return undefined;
    if (status.message) return { reason: status.message, sources: [] };
    const exception = this.#reader.read(events.findLast(({ name }) => name === 'exception')?.attributes);
    const texts = ['exception.message', 'exception.type'].map((name) => exception.get(name));
    const reason = texts.find((text) => typeof text === 'string' && text !== '');
    return { reason: reason as string | undefined, sources: [] };
  }

  #scopeOf(name: string): InstrumentationScope {
    return this.#scopes.get(name) ?? this.#scopes.add(name, (own) => scopeOf(cutName(own)));
  }

  #passes(callsite: Callsite, attributes: object | undefined): boolean {
    if (this.#filters.fieldNames[callsite.kind] === 'none')
      return this.#filters.enabledLayers(callsite) !== 0;
    const names = Object.keys(attributes ?? {});
    if (callsite.kind === 'event') names.unshift('message');
    return this.#filters.enabledLayers(callsite.withFields(names)) !== 0;
  }

  #failed(thrown: unknown): void {
    if (this.#hasThrown) return;
    this.#hasThrown = true;
    this.#onProblem(new LayerError(`KvpSpanProcessor threw: ${messageOf(thrown)}; it stays in use`, thrown));
  }
}

function scopeOf(target: string): InstrumentationScope {
  const events = (level: Level): Callsite => new Callsite('event', target, level, undefined);
  return { target, events: { INFO: events('INFO'), ERROR: events('ERROR') }, spans: new BoundedCache() };
}

/**
 * The UUID (version 8) of a span in the pool: the last 7 bytes of its trace id, which are random by W3C's Trace
 * Context, then its span id. Whoever knows both ids can make it, as a child does for its parent.
 */
export function eventIdOf(traceId: string, spanId: string): string {
  return `${traceId.slice(18, 26)}-${traceId.slice(26, 30)}-8${traceId.slice(30)}${spanId.slice(0, 1)}-8${spanId.slice(1, 4)}-${spanId.slice(4)}`;
}

/** Whether fields are what attributes are now: the same values, which are no objects that may have changed. */
function says({ names, values }: Fields, attributes: object): boolean {
  const now = Object.keys(attributes);
  if (now.length !== names.length) return false;
  for (let i = 0; i < now.length; i++) {
    const name = now[i] as string;
    const value = (attributes as Record<string, unknown>)[name];
    if (name !== names[i] || value !== values[i] || typeof value === 'object') return false;
  }
  return true;
}

function hasOwnFields(span: EndedSpan, started: string | undefined): boolean {
  return span.name !== started || span.kind !== INTERNAL || span.status.message !== undefined;
}

/** Adds the members of OpenTelemetry's spans that are fields in ours. */
function addOwnFields(fields: Fields, span: EndedSpan, started: string | undefined): void {
  if (span.name !== started) fields.set('otel.name', cutName(span.name));
  if (span.kind !== INTERNAL) fields.set('otel.kind', api.SpanKind[span.kind]?.toLowerCase());
  if (span.status.message !== undefined) fields.set('otel.status_description', span.status.message);
}

function timeText([seconds, nanos]: HrTime): string {
  return dateText(new Date(seconds * 1000 + nanos / 1e6));
}
