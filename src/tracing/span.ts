import { randomUUID } from 'node:crypto';
import { type Context, dispatch } from './context.ts';
import { functionOption } from '../option.ts';
import { evaluate, type Fields, type FieldsInput } from './fields.ts';
import { Level } from './level.ts';
import { type SpanMatches, NO_SPAN_MATCHES } from './filter-set.ts';
import { mimicFunction } from './mimic-function.ts';
import { eventCallsites } from './callsite.ts';
import type { Event } from './event.ts';
import { type Failure, failureBy, failureByEvent, UNEXPLAINED } from './failure.ts';
import type { Metadata } from './metadata.ts';
import type { Registry } from './registry.ts';
import { runInSpan } from './run-in-span.ts';
import { emitEvent, Emitter } from './emitter.ts';
import { performance } from './performance.ts';

/** How a span ended. */
export type Result = 'success' | 'fail';

/** The field that says how a span ended, as azure-init names it. */
const RESULT_FIELD = 'diagnostic.result';

/**
 * A period of time in which the program does something. Made by `span()`, `inSpan()` or `instrument()`. A disabled span
 * records nothing, but runs the functions that it is given.
 */
export class Span extends Emitter {
  /** The registry that made it; `undefined` if it is disabled. @internal */
  readonly registry: Registry | undefined;
  readonly metadata: Metadata;
  readonly fields: Fields;
  /** The layers that see it, as bits. @internal */
  readonly layerMask: number;
  /** The layers that need no events of it while it is open, as bits. @internal */
  ignoredBy = 0;
  /** The states of layers by their index. V8 would make room for 17 at the first write to an empty array. @internal */
  readonly extensions: unknown[] = [undefined, undefined, undefined];
  /** What code inside of it carries; see `Context`. @internal */
  carried: unknown;
  /** What filters let pass inside of it. @internal */
  filterMatches: SpanMatches = NO_SPAN_MATCHES;
  /** OpenTelemetry's trace id, 32 hex digits, once a layer has set it. */
  traceId: string | undefined;
  /** OpenTelemetry's span id, 16 hex digits, once a layer has set it. */
  spanId: string | undefined;
  /** OpenTelemetry's id of the span around it, where that is none of ours here; set by a layer. @internal */
  parentSpanId: string | undefined;
  /** When it was made, by the monotonic clock, in milliseconds. @internal */
  readonly began: number;
  /** How often it was entered. */
  entered = 0;
  /** What the code that it was made for threw. */
  thrown: { readonly error: unknown } | undefined;
  /** The result that the program stated last. */
  statedResult: Result | undefined;
  /** Why it failed, if the program stated that. */
  reason: string | undefined;
  /** `null` if the program asked for a root. */
  readonly #parent: Span | null | undefined;
  #id: string | undefined;
  #closed = false;
  #depth = 0;
  #ended = 0;
  /** A sum of ends minus starts. While a period lasts its end is missing and the number is negative. */
  #busy = 0;
  #context: Context | undefined;

  /** @internal */
  constructor(
    registry: Registry | undefined,
    metadata: Metadata,
    fields: Fields,
    parent: Span | null | undefined,
    layerMask: number,
  ) {
    super();
    this.registry = registry;
    this.metadata = metadata;
    this.fields = fields;
    this.#parent = parent;
    this.layerMask = layerMask;
    this.began = registry === undefined ? 0 : performance.now();
    if (fields.names.length > 0) this.#readResultField(fields);
  }

  /** The current span; outside of any span a disabled one. */
  static current(): Span {
    return dispatch.storage.getStore()?.span ?? DISABLED;
  }

  /** Its UUID, which its records in the pool have. */
  get id(): string {
    return (this.#id ??= randomUUID());
  }

  get name(): string {
    return this.metadata.name ?? '';
  }

  get parent(): Span | undefined {
    return this.#parent ?? undefined;
  }

  /** Whether the program asked for a root: then it has no parent in another process either. */
  get isRoot(): boolean {
    return this.#parent === null;
  }

  /** The OpenTelemetry context of a span of another process, if it stands for one. @internal */
  get remote(): unknown {
    return undefined;
  }

  get isDisabled(): boolean {
    return this.registry === undefined;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** When it was closed, by the monotonic clock, in milliseconds; 0 if it was not. @internal */
  get ended(): number {
    return this.#ended;
  }

  /** How long it has been open, or was until it closed, in milliseconds of a monotonic clock. */
  get duration(): number {
    if (this.registry === undefined) return 0;
    return (this.#closed ? this.#ended : performance.now()) - this.began;
  }

  /** How long it was entered, in milliseconds. Measured only if a layer has set `timed`, else 0. */
  get busy(): number {
    return this.#busy < 0 ? this.#busy + performance.now() : this.#busy;
  }

  /** How long it was open without being entered, in milliseconds. */
  get idle(): number {
    return Math.max(0, this.duration - this.busy);
  }

  /** Adds fields; a field of the same name gets the new value. Does nothing once the span is closed. */
  record(fields: FieldsInput): this {
    if (this.registry === undefined || this.#closed) return this;
    const added = evaluate(fields);
    this.registry.redact(added, true);
    this.fields.merge(added);
    this.#readResultField(added);
    this.registry.record(this, added);
    return this;
  }

  #readResultField(fields: Fields): void {
    const result = fields.get(RESULT_FIELD);
    if (result === 'success' || result === 'fail') this.statedResult = result;
  }

  /** States that it failed, and why, whatever happens in it later. */
  fail(reason?: string): this {
    if (this.registry === undefined) return this;
    this.statedResult = 'fail';
    this.reason = this.registry.redacted(reason) as string | undefined;
    return this;
  }

  /** States that it succeeded, in spite of ERROR events in it. */
  succeed(): this {
    if (this.registry === undefined) return this;
    this.statedResult = 'success';
    this.reason = undefined;
    return this;
  }

  /** Whether it failed, for a layer that saw an ERROR event in it or did not. */
  hasFailed(sawError: boolean): boolean {
    if (this.thrown !== undefined) return true;
    return this.statedResult === undefined ? sawError : this.statedResult === 'fail';
  }

  /**
   * Why it failed: what was thrown, else what `fail` was told, else `lastError`, the last ERROR event in it that a
   * layer saw; `undefined` if it did not fail. What is to be redacted is redacted, but texts are not searched.
   */
  failure(lastError: Event | undefined): Failure | undefined {
    if (!this.hasFailed(lastError !== undefined)) return undefined;
    if (this.thrown !== undefined) return failureBy(this.thrown.error);
    if (this.reason !== undefined) return failureBy(this.reason);
    return lastError === undefined ? UNEXPLAINED : failureByEvent(lastError);
  }

  /** States that another span caused it without being its parent. */
  followsFrom(from: Span): this {
    if (from?.registry === undefined) return this;
    this.registry?.followsFrom(this, from);
    return this;
  }

  /** Runs `fn` inside of the span, sync or async, and returns what it returns. Does not close the span. */
  inScope<R>(fn: () => R): R {
    return runInSpan(this, false, functionOption('fn', fn), undefined, []) as R;
  }

  /** A function that runs `fn` inside of the span, for listeners and callbacks. */
  bind<F extends (...args: never[]) => unknown>(fn: F): F {
    functionOption('fn', fn);
    const run = (self: unknown, args: unknown[]): unknown => runInSpan(this, false, fn as never, self, args);
    return mimicFunction(function (this: unknown, ...args: unknown[]): unknown {
      return run(this, args);
    }, fn);
  }

  /** Ends the span. Later calls do nothing. */
  close(): void {
    if (this.registry === undefined || this.#closed) return;
    const now = performance.now();
    this.#leave(now);
    this.#ended = now;
    this.#closed = true;
    this.registry.notifyOfClose(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Must be called when code starts to run inside of it, before `exit`. Inside of a layer's hook neither counts. @internal */
  enter(): void {
    if (this.registry === undefined || this.#closed || dispatch.hook !== undefined) return;
    this.entered++;
    if (this.#depth++ === 0 && this.registry.timed) this.#busy -= performance.now();
    this.registry.enter(this);
  }

  /** Must be called when that code returned or its promise settled. @internal */
  exit(): void {
    if (this.registry === undefined || this.#closed || this.#depth === 0 || dispatch.hook !== undefined)
      return;
    this.registry.exit(this);
    if (--this.#depth === 0) this.#leave(this.#busy < 0 ? performance.now() : 0);
  }

  #leave(now: number): void {
    this.#depth = 0;
    if (this.#busy < 0) this.#busy += now;
  }

  /** The context of code inside of it that is called in the context `outer`. Kept, because it is nearly always the same. @internal */
  context(outer: Context | undefined): Context {
    const subscriber = outer?.subscriber;
    const scope = this.registry?.scopeLevels(this, outer?.scope);
    const carried = this.carried ?? outer?.carried;
    const known = this.#context;
    if (
      known !== undefined &&
      known.subscriber === subscriber &&
      known.scope === scope &&
      known.carried === carried
    )
      return known;
    return (this.#context = { span: this, subscriber, scope, carried });
  }

  /** @internal */
  protected override emit(level: Level, input: string | FieldsInput, message: string | undefined): void {
    if (this.registry === undefined) return;
    emitEvent(this.registry, eventCallsites(this.metadata.target)[level], input, message, undefined, this);
  }
}

const DISABLED = new Span(
  undefined,
  { kind: 'span', target: '', level: Level.TRACE, verbosity: 5, name: '', fieldNames: [] },
  evaluate(undefined),
  undefined,
  0,
);

/** The span of everything that no layer wants. It does nothing. */
export function disabledSpan(): Span {
  return DISABLED;
}
