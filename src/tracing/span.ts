import { randomUUID } from 'node:crypto';
import { type Context, dispatch } from './context.ts';
import { evaluate, type Fields, type FieldsInput } from './fields.ts';
import { Level } from './level.ts';
import { type SpanMatches, NO_MATCHES } from './filter-set.ts';
import { mimicFunction } from './mimic-function.ts';
import { eventCallsites } from './callsite.ts';
import type { Metadata } from './metadata.ts';
import type { Registry } from './registry.ts';
import { runInside } from './run-inside.ts';
import { emitEvent, Emitter } from './emitter.ts';
import { performance } from './timers.ts';

/** How a span ended. */
export type Result = 'success' | 'fail';

/** The field that says how a span ended, as azure-init names it. */
const RESULT_FIELD = 'diagnostic.result';

/**
 * A period of time in which something is done. Made by `span()`, `inSpan()` or `instrument()`; a
 * disabled one does nothing, but runs what it is given.
 */
export class Span extends Emitter {
  /** The registry that made it; `undefined` when it is disabled. @internal */
  readonly registry: Registry | undefined;
  readonly metadata: Metadata;
  readonly fields: Fields;
  readonly parent: Span | undefined;
  /** Whether it was asked to have no parent, of whatever kind. */
  readonly isRoot: boolean;
  /** Which layers see it, as bits. @internal */
  readonly seenBy: number;
  /** What layers keep with it, by their index. A first write to an empty array would make room for 17. @internal */
  readonly states: unknown[] = [undefined, undefined, undefined];
  /** What filters say of what happens inside of it. @internal */
  filterMatches: SpanMatches = NO_MATCHES;
  /** The OpenTelemetry trace id, 32 hex digits, once a layer knows it. */
  traceId: string | undefined;
  /** The OpenTelemetry span id, 16 hex digits, once a layer knows it. */
  spanId: string | undefined;
  /** How often it was entered. */
  entered = 0;
  /** What was thrown out of the code that it was made for. */
  thrown: { readonly error: unknown } | undefined;
  /** What the program said of its result last. */
  statedResult: Result | undefined;
  /** Why it failed, if the program said. */
  reason: string | undefined;
  #id: string | undefined;
  #closed = false;
  #depth = 0;
  // Sums of times, without the moment at which a period that still lasts will end: one number each, not two.
  #open: number;
  #busy = 0;
  #context: Context | undefined;

  /** @internal */
  constructor(
    registry: Registry | undefined,
    metadata: Metadata,
    fields: Fields,
    parent: Span | null | undefined,
    seenBy: number,
  ) {
    super();
    this.registry = registry;
    this.metadata = metadata;
    this.fields = fields;
    this.parent = parent ?? undefined;
    this.isRoot = parent === null;
    this.seenBy = seenBy;
    this.#open = registry === undefined ? 0 : -performance.now();
    if (fields.names.length > 0) this.#readResultField(fields);
  }

  /** The current span; outside of any span one that does nothing. */
  static current(): Span {
    return dispatch.storage.getStore()?.span ?? DISABLED;
  }

  /** Its UUID, under which the pool's records of it are found. */
  get id(): string {
    return (this.#id ??= randomUUID());
  }

  get name(): string {
    return this.metadata.name ?? '';
  }

  /** The context of another process's span that it stands for, as OpenTelemetry's layer knows it. @internal */
  get remote(): unknown {
    return undefined;
  }

  get isDisabled(): boolean {
    return this.registry === undefined;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** How long it has been or was open, in milliseconds of a monotonic clock. */
  get duration(): number {
    if (this.registry === undefined) return 0;
    return this.#closed ? this.#open : this.#open + performance.now();
  }

  /** How long it was entered, in milliseconds; measured only if a layer asks for it (`timed`). */
  get busy(): number {
    return this.#busy < 0 ? this.#busy + performance.now() : this.#busy;
  }

  /** How long it was open without being entered, in milliseconds. */
  get idle(): number {
    return Math.max(0, this.duration - this.busy);
  }

  /** Changes or adds fields. */
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

  /** Says that it failed, and why, whatever happens in it later. */
  fail(reason?: string): this {
    if (this.registry === undefined) return this;
    this.statedResult = 'fail';
    this.reason = reason;
    return this;
  }

  /** Says that it succeeded, in spite of errors in it. */
  succeed(): this {
    if (this.registry === undefined) return this;
    this.statedResult = 'success';
    this.reason = undefined;
    return this;
  }

  /** Whether it failed, as a layer says that did or did not see an ERROR event in it. */
  hasFailed(sawError: boolean): boolean {
    if (this.thrown !== undefined) return true;
    return this.statedResult === undefined ? sawError : this.statedResult === 'fail';
  }

  /** Says that another span caused it without being its parent. */
  followsFrom(from: Span): this {
    if (from?.registry === undefined) return this;
    this.registry?.notify(this, (layer, view) => layer.onFollowsFrom?.(this, from, view));
    return this;
  }

  /** Runs `fn` inside of the span, sync or async, and returns what it returns; does not close it. */
  inScope<R>(fn: () => R): R {
    return runInside(this, false, fn, undefined, []) as R;
  }

  /** `fn`, bound to run inside of the span, for emitters and callbacks. */
  bind<F extends (...args: never[]) => unknown>(fn: F): F {
    const run = (self: unknown, args: unknown[]): unknown => runInside(this, false, fn as never, self, args);
    return mimicFunction(function (this: unknown, ...args: unknown[]): unknown {
      return run(this, args);
    }, fn);
  }

  /** Ends it. Later calls do nothing. */
  close(): void {
    if (this.registry === undefined || this.#closed) return;
    const now = performance.now();
    if (this.#depth > 0) this.#leave(now);
    this.#open += now;
    this.#closed = true;
    this.registry.notifyOfClose(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Called when code starts to run inside; `exit` must follow. In a hook of a layer neither counts. @internal */
  enter(): void {
    if (this.registry === undefined || this.#closed || dispatch.hook !== undefined) return;
    this.entered++;
    if (this.#depth++ === 0 && this.registry.timed) this.#busy -= performance.now();
    this.registry.notify(this, (layer, view) => layer.onEnter?.(this, view));
  }

  /** Called when that code returned or its promise settled. @internal */
  exit(): void {
    if (this.registry === undefined || this.#closed || this.#depth === 0 || dispatch.hook !== undefined)
      return;
    this.registry.notify(this, (layer, view) => layer.onExit?.(this, view));
    if (--this.#depth === 0) this.#leave(this.#busy < 0 ? performance.now() : 0);
  }

  #leave(now: number): void {
    this.#depth = 0;
    if (this.#busy < 0) this.#busy += now;
  }

  /** The context of code inside; kept, because it is the same nearly always. @internal */
  context(outer: Context | undefined): Context {
    const subscriber = outer?.subscriber;
    const scope = this.registry?.scopeLevels(this, outer?.scope);
    const known = this.#context;
    if (known !== undefined && known.subscriber === subscriber && known.scope === scope) return known;
    return (this.#context = { span: this, subscriber, scope });
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

/** The span that does nothing. */
export function disabledSpan(): Span {
  return DISABLED;
}
