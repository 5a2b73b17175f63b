import { type Context, type HrTime, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import { DiagLayout, fullName } from '../../diagnostics/write/diag-layout.ts';
import type { RecordName } from '../../diagnostics/write/layout.ts';
import { fieldsJson, inOnePiece, quote } from '../../diagnostics/write/fields-json.ts';
import { LayerError, messageOf } from '../../errors.ts';
// So that the option `filter` may be the text of an `EnvFilter`.
import '../../filter/env-filter.ts';
import { KvpChannel, type KvpChannelOptions } from '../../layers/kvp-channel.ts';
import type { WriterStats } from '../../pool/pool-writer.ts';
import type { Fields } from '../../tracing/fields.ts';
import { type FilterInput, filterOf } from '../../tracing/filter.ts';
import { FilterSet } from '../../tracing/filter-set.ts';
import { Level } from '../../tracing/level.ts';
import { Callsite, keep } from '../../tracing/metadata.ts';
import { guarded, type ProblemHandler } from '../../tracing/problem.ts';
import { REDACTED_NAMES } from '../../tracing/redactor.ts';
import { dateText } from '../../tracing/value.ts';
import { AttributeReader } from './attribute-reader.ts';
import { eventIdOf } from './event-id.ts';
import { mirroredId, processors } from '../layer/mirrored.ts';

export interface KvpSpanProcessorOptions extends KvpChannelOptions {
  /** Which spans and events are written; their target is the name of the instrumentation scope. Default `'info'`. */
  filter?: FilterInput;
  /** Attributes whose values are not written; see `RegistryOptions`. Default `['password', 'passwd', 'secret', 'token', 'authorization']`. */
  redact?: readonly string[];
}

interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean | undefined;
}

/** A span of OpenTelemetry's SDK that starts, as far as it matters here; SDK 2 and 3 both fit. */
export interface StartedSpan {
  readonly name: string;
  readonly attributes: object;
  readonly instrumentationScope: { readonly name: string };
  readonly parentSpanContext?: SpanIds | undefined;
  spanContext(): SpanIds;
}

/** A span of OpenTelemetry's SDK that ended. */
export interface EndedSpan extends StartedSpan {
  readonly kind: SpanKind;
  readonly status: { readonly code: number; readonly message?: string | undefined };
  readonly duration: HrTime;
  readonly events: readonly { readonly name: string; readonly time: HrTime; readonly attributes?: object }[];
}

/** What is known of an instrumentation scope. */
interface Scope {
  readonly target: string;
  /** What payloads start with, up to the first field. */
  readonly heads: Readonly<Record<'INFO' | 'ERROR', string>>;
  readonly events: Readonly<Record<'INFO' | 'ERROR', Callsite>>;
  readonly spans: Map<string, Callsite>;
}

/** Where the records of a span are. */
interface SpanReference {
  /** Under which its children and events find it; where it is not written, that of the nearest one around it. */
  readonly id: string | undefined;
  /** The name that its events have; as the id. */
  readonly named: RecordName | undefined;
}

/** What is kept of a span that is no mirror image of one of ours. */
interface State extends SpanReference {
  readonly scope: Scope;
  /** The name it started with, if it is written: its finish must have the same. */
  readonly started: string | undefined;
  /** What ends its payloads, but for the last brace. */
  readonly tail: string;
}

/** Tells the Azure host of the spans of any program that OpenTelemetry traces, as `EmitKVPLayer` tells of ours. */
export class KvpSpanProcessor {
  readonly #channel: KvpChannel;
  readonly #reader: AttributeReader;
  readonly #filters: FilterSet;
  readonly #onProblem: ProblemHandler;
  readonly #scopes = new Map<string, Scope>();
  /** Spans keep their state themselves: a `WeakMap` costs as much as making one. */
  readonly #key = Symbol('kvp-tracing');
  #threw = false;
  #shutdown: Promise<void> | undefined;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(options: KvpSpanProcessorOptions = {}) {
    this.#onProblem = guarded(options.onProblem);
    this.#reader = new AttributeReader(options.redact ?? REDACTED_NAMES);
    this.#filters = new FilterSet(
      (_, thrown) => this.#failed(thrown),
      () => {},
    );
    this.#filters.set(1, filterOf(options.filter ?? 'info'));
    this.#channel = new KvpChannel(options, { layout: new DiagLayout(), reservesFinishes: true });
    processors.open++;
  }

  /** Writes the start of a span that is sampled; throws never. */
  onStart(span: StartedSpan, parentContext: Context): void {
    try {
      const ids = span.spanContext();
      if ((ids.traceFlags & TraceFlags.SAMPLED) === 0 || this.#shutdown !== undefined) return;
      const mirrored = mirroredId(parentContext, this.#channel.path);
      if (mirrored !== undefined) return this.#keep(span, { id: mirrored, named: undefined });
      const parent = this.#parentOf(span, parentContext);
      const state = this.#begin(span, ids, parent);
      this.#keep(span, state);
      if (state.started !== undefined) this.#start(span, state, parent?.id);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Writes the events and the finish of a span that is sampled; throws never. */
  onEnd(span: EndedSpan): void {
    try {
      const ids = span.spanContext();
      if ((ids.traceFlags & TraceFlags.SAMPLED) === 0) return;
      let state = this.#kept(span);
      if (state === undefined) {
        if (this.#shutdown !== undefined) return;
        // Another processor hands on something else than what started.
        state = this.#begin(span, ids, this.#parentOf(span, undefined));
      }
      if (!('scope' in state)) return;
      const { events } = span;
      for (let i = 0; i < events.length; i++) this.#event(state, events[i] as EndedSpan['events'][number]);
      if (state.started !== undefined) this.#finish(span, state);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Resolves when everything so far is in the pool, after 5 s at the latest. */
  async forceFlush(): Promise<void> {
    await this.#channel.flush();
  }

  /** The same, then lets go of the pool. Idempotent. */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      processors.open--;
      this.#shutdown = this.#channel.shutdown().then(() => {});
    }
    return this.#shutdown;
  }

  /** What became of everything so far. */
  stats(): WriterStats {
    return this.#channel.stats();
  }

  #keep(span: object, state: SpanReference | State): void {
    (span as Record<symbol, unknown>)[this.#key] = state;
  }

  #kept(span: object): SpanReference | State | undefined {
    return (span as Record<symbol, unknown>)[this.#key] as SpanReference | State | undefined;
  }

  /** The nearest span around it that is written, as far as is known here. */
  #parentOf(
    { parentSpanContext }: StartedSpan,
    parentContext: Context | undefined,
  ): SpanReference | undefined {
    if (parentSpanContext === undefined) return undefined;
    const around = parentContext === undefined ? undefined : trace.getSpan(parentContext);
    const known = around === undefined ? undefined : this.#kept(around);
    if (known !== undefined) return known;
    const { traceId, spanId, traceFlags, isRemote } = parentSpanContext;
    if (isRemote === true || (traceFlags & TraceFlags.SAMPLED) === 0) return undefined;
    return { id: eventIdOf(traceId, spanId), named: undefined };
  }

  #begin(span: StartedSpan, ids: SpanIds, parent: SpanReference | undefined): State {
    const { name, instrumentationScope } = span;
    const scope = this.#scopeOf(instrumentationScope.name);
    const { target, spans } = scope;
    const callsite = spans.get(name) ?? keep(spans, name, new Callsite('span', target, Level.INFO, name));
    const { traceId, spanId } = ids;
    const tail = `,"trace_id":"${traceId}","span_id":"${spanId}"`;
    if (!this.#passes(callsite, span.attributes)) {
      return { id: parent?.id, named: parent?.named, scope, started: undefined, tail };
    }
    const named = this.#channel.named(name);
    return {
      id: eventIdOf(traceId, spanId),
      named,
      scope,
      started: name,
      tail: `}${fullName(named)}${tail}`,
    };
  }

  #start(span: StartedSpan, { id = '', named, scope, tail }: State, parent: string | undefined): void {
    const { handle, name } = named as RecordName;
    const end = parent === undefined ? `${tail}}` : `${tail},"parent":"${parent}"}`;
    const payload = fieldsJson(scope.heads.INFO, this.#reader.read(span.attributes), end);
    this.#channel.writer.start(handle, 3, payload, id, name);
    this.#channel.written();
  }

  #event({ id, named, scope, started, tail }: State, event: EndedSpan['events'][number]): void {
    const level = event.name === 'exception' ? 'ERROR' : 'INFO';
    const callsite = scope.events[level];
    if (!this.#passes(callsite, event.attributes)) return;
    const own = named ?? this.#channel.named(scope.target);
    const fields = this.#reader.read(event.attributes);
    // The event's name is the message.
    const message = fields.take('message');
    if (message !== undefined) fields.set('message_', message);
    const start = `${scope.heads[level]}"message":${quote(event.name)}`;
    const around = id === undefined ? '' : `,"span":"${id}"`;
    const end = `${started === undefined ? `}${fullName(own)}${tail}` : tail}${around},"time":"${timeText(event.time)}"}`;
    this.#channel.writer.event(own.handle, callsite.verbosity, fieldsJson(start, fields, end), own.name);
    this.#channel.written();
  }

  #finish(span: EndedSpan, { id = '', named, scope, started, tail }: State): void {
    const { handle, name } = named as RecordName;
    const fields = this.#reader.read(span.attributes);
    addOwnFields(fields, span, started);
    const payload = fieldsJson(scope.heads.INFO, fields, `${tail}}`);
    const seconds = span.duration[0] + span.duration[1] / 1e9;
    const failed = span.status.code === SpanStatusCode.ERROR;
    this.#channel.writer.finish(handle, 3, payload, id, name, failed ? -seconds : seconds);
    this.#channel.written();
  }

  #scopeOf(name: string): Scope {
    return this.#scopes.get(name) ?? keep(this.#scopes, name, scopeOf(name));
  }

  #passes(callsite: Callsite, attributes: object | undefined): boolean {
    if (this.#filters.fieldNames[callsite.kind] === 'none') return this.#filters.interest(callsite) !== 0;
    const names = Object.keys(attributes ?? {});
    if (callsite.kind === 'event') names.unshift('message');
    return this.#filters.interest(callsite.withFields(names)) !== 0;
  }

  #failed(thrown: unknown): void {
    if (this.#threw) return;
    this.#threw = true;
    this.#onProblem(new LayerError(`KvpSpanProcessor threw: ${messageOf(thrown)}; it stays in use`, thrown));
  }
}

function scopeOf(target: string): Scope {
  const head = (level: Level): string =>
    inOnePiece(`{"target":${quote(target)},"level":"${level}","fields":{`);
  const events = (level: Level): Callsite => new Callsite('event', target, level, undefined);
  return {
    target,
    heads: { INFO: head('INFO'), ERROR: head('ERROR') },
    events: { INFO: events('INFO'), ERROR: events('ERROR') },
    spans: new Map(),
  };
}

/** What OpenTelemetry has members for, as the fields by which a span of ours says the same. */
function addOwnFields(fields: Fields, span: EndedSpan, started: string | undefined): void {
  if (span.name !== started) fields.set('otel.name', span.name);
  if (span.kind !== SpanKind.INTERNAL) fields.set('otel.kind', SpanKind[span.kind]?.toLowerCase());
  if (span.status.message !== undefined) fields.set('otel.status_description', span.status.message);
}

function timeText([seconds, nanos]: HrTime): string {
  return dateText(new Date(seconds * 1000 + nanos / 1e6));
}
