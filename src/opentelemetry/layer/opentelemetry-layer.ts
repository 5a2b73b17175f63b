import * as api from '@opentelemetry/api';
import type { Context, HrTime, Span as OtelSpan, SpanContext, SpanOptions, Tracer } from '@opentelemetry/api';
import { isError, DroppedError, LayerError } from '../../errors.ts';
import { readOptions } from '../../option.ts';
import { currentSpan, dispatch } from '../../tracing/context.ts';
import type { Event } from '../../tracing/event.ts';
import type { Fields } from '../../tracing/fields.ts';
import {
  BaseLayer,
  type Deadline,
  type Layer,
  type LayerView,
  type Outcome,
  withinDeadline,
} from '../../tracing/layer.ts';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import { unredacted } from '../../tracing/safe-copy.ts';
import type { Span } from '../../tracing/span.ts';
import { cutText, textOf } from '../../tracing/value.ts';
import { VERSION } from '../../version.ts';
import { attributesOf, hasReserved, kindOf } from './attributes.ts';
import { AsyncContextManager, ensureContextManager } from './context-manager.ts';
import { finishWithin } from '../finish-within.ts';
import type { Environment } from '../propagation/process-environment.ts';
import { recordException } from './exception.ts';
import { mirroring } from './mirrored.ts';
import { HEADERS_SETTER } from '../propagation/carrier.ts';
import { extract, withInherited } from '../propagation/propagation.ts';
import { registeredGlobals } from '../registered-globals.ts';
import { statusOf } from './status.ts';
import {
  type FlushableTracerProvider,
  LAYER_OPTIONS,
  type OpenTelemetryLayerOptions,
} from './layer-options.ts';
import { clockStep, hrTimeNow, hrTimeOf } from './time.ts';

// Each look at a member of the API runs a getter of its module: one for all spans.
const { context, INVALID_TRACEID, propagation, ROOT_CONTEXT, trace } = api;

/** Counts of spans and events. */
export interface OpenTelemetryStats {
  /** Spans that were started and are recorded. */
  spans: number;
  /** Events that were added to a span. */
  events: number;
  /** Events whose span was closed and had no open ancestor, and spans the provider knows to be lost. */
  dropped: number;
  /** Events outside of any span, which OpenTelemetry's spans can't hold. */
  outside: number;
}

const FOREIGN_MANAGER =
  "another context manager is registered with OpenTelemetry: other instrumentation's spans in the handlers of a server will not be children of the requests' spans";

/** What the layer keeps with a span. */
interface State {
  readonly otel: OtelSpan;
  /** The context that is active inside of the span. */
  readonly context: Context;
  readonly step: number;
  /** The last ERROR event in it. */
  lastError: Event | undefined;
  /** Errors with an `exception` event. */
  recorded: WeakSet<Error> | undefined;
}

/**
 * Starts an OpenTelemetry span for each span, and adds the span's events to it.
 *
 * @example
 * ```ts
 * setGlobalDefault(new Registry().with(new OpenTelemetryLayer({ filter: 'info' })));
 * ```
 */
export class OpenTelemetryLayer extends BaseLayer implements Layer<State> {
  readonly name = 'OpenTelemetryLayer';
  readonly #tracer: Tracer;
  readonly #provider: FlushableTracerProvider | undefined;
  readonly #environment: Environment | undefined;
  readonly #onProblem: ProblemHandler;
  readonly #releaseContextManager: (() => void) | undefined;
  readonly #said = new Set<string>();
  #spans = 0;
  #events = 0;
  #dropped = 0;
  #outside = 0;
  #shutdown: Promise<Outcome> | undefined;

  /** Registers a context manager with OpenTelemetry if there is none. Throws `OptionError` for a bad filter. */
  constructor(given?: OpenTelemetryLayerOptions) {
    const options = readOptions(LAYER_OPTIONS, given);
    super(options.filter ?? 'info');
    this.#provider = options.provider;
    this.#environment = options.environment;
    this.#tracer = options.tracer ?? (options.provider ?? trace).getTracer('kvp-tracing', VERSION);
    this.#onProblem = guardedHandler(options.onProblem);
    this.#releaseContextManager = ensureContextManager();
    if (this.#releaseContextManager === undefined) {
      const message =
        "no context manager can be registered with OpenTelemetry; other instrumentation's spans";
      this.#onProblem(new LayerError(`${message} will not be children of ours`));
    }
  }

  onNewSpan(span: Span, view: LayerView<State>): void {
    const parent = span.isRoot ? undefined : view.visible(span.parent);
    const around = parent === undefined ? undefined : view.get(parent);
    const manager = registeredGlobals().context;
    const isCarried = manager instanceof AsyncContextManager;
    const here = dispatch.storage.getStore();
    const active = isCarried ? manager.active(here) : context.active();
    const current = currentSpan(span.registry, here);
    const base = parentContext(span, around, current, active, this.#environment?.context);
    const { fields, metadata, began } = span;
    const step = clockStep(began);
    const isPlain = !hasReserved(fields);
    const options: SpanOptions = {
      startTime: hrTimeOf(began, step),
      // Given here, because samplers and processors see the attributes of a span that starts.
      attributes: attributesOf(fields, metadata, !isPlain),
    };
    let { name } = span;
    if (!isPlain) {
      const [kind, own] = [kindOf(fields.get('otel.kind')), fields.get('otel.name')];
      if (kind !== undefined) options.kind = kind;
      if (own !== undefined) name = textOf(own);
    }
    const otel = this.#tracer.startSpan(name, options, mirroring(span, base));
    const state: State = {
      otel,
      context: trace.setSpan(base, otel),
      step,
      lastError: undefined,
      recorded: undefined,
    };
    view.set(span, state);
    if (isCarried) view.carry(span, state.context);
    const ids = otel.spanContext();
    if (ids.traceId !== INVALID_TRACEID) {
      span.traceId = ids.traceId;
      span.spanId = ids.spanId;
      if (base !== around?.context) span.parentSpanId = foreignParent(base, ids, around);
    }
    if (!otel.isRecording()) return view.ignoreEvents(span);
    this.#spans++;
    recordErrors(state, fields, options.startTime as HrTime);
  }

  onRecord(span: Span, fields: Fields, view: LayerView<State>): void {
    const state = view.get(span);
    if (state === undefined || !state.otel.isRecording()) return;
    const name = fields.get('otel.name');
    if (name !== undefined) state.otel.updateName(textOf(name));
    state.otel.setAttributes(attributesOf(fields, undefined, true));
    recordErrors(state, fields, hrTimeNow(state.step));
  }

  onFollowsFrom(span: Span, from: Span, view: LayerView<State>): void {
    // A span of another registry has no state here.
    const cause = from.registry === span.registry ? view.get(from) : undefined;
    if (cause !== undefined) view.get(span)?.otel.addLink({ context: cause.otel.spanContext() });
  }

  onEvent(event: Event, view: LayerView<State>): void {
    const own = view.visible(event.parent);
    if (own === undefined) {
      this.#outside++;
      return;
    }
    let open: Span | undefined = own;
    while (open?.isClosed === true) open = view.visible(open.parent);
    const state = open === undefined ? undefined : view.get(open);
    if (state === undefined) {
      this.#dropped++;
      return;
    }
    if (!state.otel.isRecording()) return;
    this.#events++;
    const time = hrTimeNow(state.step);
    const error = firstError(event.fields);
    const message = event.message ?? (error === undefined ? event.target : textOf(error));
    const attributes = attributesOf(event.fields, event.metadata);
    state.otel.addEvent(cutText(message), attributes, time);
    // A late event of a closed span does not fail the ancestor to which it is added.
    if (event.metadata.verbosity === 1 && open === own) state.lastError = event;
    if (error !== undefined) recordErrors(state, event.fields, time);
  }

  onClose(span: Span, view: LayerView<State>): void {
    const state = view.get(span);
    if (state === undefined) return;
    const { otel } = state;
    if (!otel.isRecording()) return;
    const time = hrTimeOf(span.ended, state.step);
    if (span.thrown !== undefined) recordOnce(state, span.thrown.error, time);
    const status = statusOf(span.fields, span.failure(state.lastError));
    if (status !== undefined) otel.setStatus(status);
    otel.end(time);
  }

  run<R>(span: Span, fn: () => R, view: LayerView<State>): R {
    const state = view.get(span);
    return state === undefined ? fn() : context.with(state.context, fn);
  }

  childEnv(env: NodeJS.ProcessEnv): void {
    this.#environment?.write(context.active(), env);
  }

  inject(headers: Record<string, string>): void {
    propagation.inject(withInherited(context.active(), this.#environment?.context), headers, HEADERS_SETTER);
  }

  extract(headers: object): Span {
    return extract(headers);
  }

  activate(span: Span | undefined, view: LayerView<State>): void {
    const seen = view.visible(span);
    const active = (seen && view.get(seen)?.context) ?? ROOT_CONTEXT;
    const { enterWith } = (registeredGlobals().context ?? {}) as Partial<AsyncContextManager>;
    if (enterWith !== undefined) Reflect.apply(enterWith, registeredGlobals().context, [active]);
    else if (span !== undefined) this.#say(new LayerError(FOREIGN_MANAGER));
  }

  /** Flushes the given provider. Resolves at the deadline at the latest. Default timeout: 5000 ms. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return withinDeadline(deadline, ({ timeout }) =>
      this.#settle('export', timeout, () => this.#provider?.forceFlush?.({ timeoutMillis: timeout })),
    );
  }

  /** Flushes the given provider and shuts it down. Idempotent. Default timeout: 5000 ms. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= withinDeadline(deadline, ({ timeout }) =>
      this.#settle('shut down', timeout, () => this.#provider?.shutdown?.({ timeoutMillis: timeout })),
    ).finally(this.#releaseContextManager));
  }

  async #settle(what: string, timeout: number, act: () => Promise<void> | undefined): Promise<Outcome> {
    const failure = await finishWithin(timeout, what, act, () => this.#waiting());
    const problems: Error[] = failure === undefined ? [] : [failure];
    const { dropped } = this.stats();
    if (dropped > 0)
      problems.push(
        new DroppedError(
          `OpenTelemetry misses ${dropped === 1 ? '1 span or event' : `${dropped} spans and events`}`,
        ),
      );
    for (const problem of problems) this.#say(problem);
    return { complete: failure === undefined, dropped, problems };
  }

  /** For whoever sees the process exit: says what is lost by that. @internal */
  sayLost(): void {
    const waiting = this.#waiting();
    if (waiting !== undefined) this.#say(new DroppedError(`OpenTelemetry did not export ${waiting}`));
  }

  /** The spans that are not exported, as text; `undefined` if there are none. */
  #waiting(): string | undefined {
    const { spans, reason } = this.#provider?.waiting?.() ?? { spans: 0, reason: undefined };
    if (spans === 0) return undefined;
    return `${spans} ${spans === 1 ? 'span' : 'spans'}${reason === undefined ? '' : `, because ${reason}`}`;
  }

  #say(problem: Error): void {
    if (this.#said.has(problem.message)) return;
    this.#said.add(problem.message);
    this.#onProblem(problem);
  }

  /** The counts so far. */
  stats(): OpenTelemetryStats {
    const dropped = this.#dropped + (this.#provider?.lost?.() ?? 0);
    return { spans: this.#spans, events: this.#events, dropped, outside: this.#outside };
  }
}

/**
 * The parent context of a span: that of its explicit parent, else OpenTelemetry's active context, completed by the
 * inherited one.
 */
function parentContext(
  span: Span,
  state: State | undefined,
  current: Span | undefined,
  active: Context,
  inherited: Context | undefined,
): Context {
  if (span.isRoot) return trace.deleteSpan(active);
  if (state === undefined) return remoteOf(span) ?? withInherited(active, inherited);
  if (span.parent !== current) return state.context;
  // A span of other instrumentation, or a remote span, that is active inside of the parent is the nearer parent.
  if (trace.getSpan(active) !== undefined) return active;
  // The active context may have got baggage since the parent started.
  return active === ROOT_CONTEXT ? state.context : trace.setSpan(active, state.otel);
}

/** The id of the span that a span started in, if it is in the same trace and is none of ours here. */
function foreignParent(
  base: Context,
  { traceId }: SpanContext,
  around: State | undefined,
): string | undefined {
  if (base === ROOT_CONTEXT) return undefined;
  const parent = trace.getSpanContext(base);
  if (parent?.traceId !== traceId || parent.spanId === around?.otel.spanContext().spanId) return undefined;
  return parent.spanId;
}

/** The remote context at the root of a span's ancestors, if the layer sees none of them. */
function remoteOf(span: Span): Context | undefined {
  for (let at = span.parent; at !== undefined; at = at.parent) {
    if (at.remote !== undefined) return at.remote as Context;
  }
  return undefined;
}

/** `find` of an array would take as long as all the rest of most events. */
function firstError({ values }: Fields): Error | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (isError(value)) return value;
  }
  return undefined;
}

function recordErrors(state: State, fields: Fields, time: HrTime): void {
  for (const value of fields.values) if (isError(value)) recordOnce(state, value, time);
}

function recordOnce(state: State, thrown: unknown, time: HrTime): void {
  if (isError(thrown)) {
    const original = unredacted(thrown);
    if (state.recorded?.has(original) === true) return;
    (state.recorded ??= new WeakSet()).add(original);
  }
  recordException(state.otel, thrown, time);
}
