import { AsyncLocalStorage } from 'node:async_hooks';
import { isGeneratorObject, isPromise } from 'node:util/types';
import { dispatch } from './context.ts';
import type { Span } from './span.ts';

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/** Hears inside of the span, before it ends, how a call went. */
export interface CallObserver {
  returned?: ((value: unknown) => void) | undefined;
  threw?: ((error: unknown) => void) | undefined;
}

/** A call inside of a span. */
interface Call {
  readonly span: Span;
  /** Whether the span was made for this call. */
  readonly owned: boolean;
  readonly report: CallObserver | undefined;
  /** Whether its outcome is known. */
  isOver: boolean;
}

/**
 * Calls `fn` inside of `span` and returns what it returns. With `owned` the span was made for this call:
 * it is closed when the call has settled, and marked failed if it threw.
 */
export function runInside(
  span: Span,
  owned: boolean,
  fn: Callback,
  self: unknown,
  args: unknown[],
  report?: CallObserver,
): unknown {
  if (span.registry === undefined && report === undefined) return Reflect.apply(fn, self, args);
  const call: Call = { span, owned, report, isOver: false };
  span.enter();
  let result: unknown;
  try {
    result = callInside(span, fn, self, args);
  } catch (thrown) {
    fail(call, thrown);
    throw thrown;
  }
  if (typeof result === 'object' && result !== null) {
    if (isPromise(result) && result.constructor === Promise) return settled(call, result);
    if (isGeneratorObject(result) || isResumed(result)) {
      span.exit();
      return resumed(call, result as unknown as Resumable);
    }
  }
  if (isThenable(result)) return watched(call, result);
  succeed(call, result);
  return result;
}

function callInside(span: Span, fn: Callback, self: unknown, args: unknown[]): unknown {
  if (span.registry === undefined) return Reflect.apply(fn, self, args);
  const { storage } = dispatch;
  const context = span.context(storage.getStore());
  if (!span.registry.wraps) return storage.run(context, Reflect.apply, fn, self, args);
  return storage.run(context, () => span.registry?.run(span, () => Reflect.apply(fn, self, args)));
}

function succeed(call: Call, value: unknown): void {
  const { span, report } = call;
  if (report?.returned !== undefined && !call.isOver) callInside(span, report.returned, undefined, [value]);
  end(call);
}

function fail(call: Call, error: unknown): void {
  const { span, owned, report, isOver } = call;
  if (report?.threw !== undefined && !isOver) callInside(span, report.threw, undefined, [error]);
  // A generator that is done throws what it is given; that is none of its span's any more.
  if (owned && span.registry !== undefined && !isOver) span.thrown = { error: span.registry.redacted(error) };
  end(call);
}

function end(call: Call): void {
  call.isOver = true;
  call.span.exit();
  if (call.owned) call.span.close();
}

/** The promise's own outcome, passed on by a promise that settles after the span ended. */
function settled(call: Call, promise: Promise<unknown>): Promise<unknown> {
  const following = promise.then(
    (value) => {
      succeed(call, value);
      return value;
    },
    (error: unknown) => {
      fail(call, error);
      throw error;
    },
  );
  // Some promises carry something, as the child process of a promisified exec.
  if (Reflect.ownKeys(promise).length > 0) {
    Object.defineProperties(following, Object.getOwnPropertyDescriptors(promise));
  }
  return following;
}

type Then = (onFulfilled?: unknown, onRejected?: unknown) => unknown;

function isThenable(value: unknown): value is { then: Then } {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/**
 * A thenable that is more than a promise (a subclass, a query that runs when it is awaited) stays the
 * same object; its `then` runs inside of the span and tells it when it settles. It is not called here:
 * that might start it.
 */
function watched(call: Call, thenable: { then: Then }): unknown {
  const { then } = thenable;
  const known = WATCHED.get(then);
  if (known !== undefined) {
    // The same one again, as from a cache: wrapping it anew each time would grow without end.
    known.push(call);
    return thenable;
  }
  const calls = [call];
  const watching: Then = function (this: unknown, onFulfilled, onRejected) {
    const outside = AsyncLocalStorage.snapshot();
    const fulfilled = (value: unknown): unknown => {
      for (const each of calls.splice(0)) if (!each.isOver) succeed(each, value);
      return typeof onFulfilled === 'function' ? outside(onFulfilled as Callback, value) : value;
    };
    const rejected = (error: unknown): unknown => {
      for (const each of calls.splice(0)) if (!each.isOver) fail(each, error);
      if (typeof onRejected === 'function') return outside(onRejected as Callback, error);
      throw error;
    };
    const { span } = calls.at(-1) ?? call;
    return callInside(span, then as Callback, this, [fulfilled, rejected]);
  };
  WATCHED.set(watching, calls);
  if (!replaced(thenable, watching)) succeed(call, thenable);
  return thenable;
}

/** The calls that wait for what this `then` tells. */
const WATCHED = new WeakMap<Then, Call[]>();

function replaced(thenable: object, then: Then): boolean {
  try {
    return Reflect.defineProperty(thenable, 'then', { value: then, configurable: true, writable: true });
  } catch {
    return false;
  }
}

interface Resumable {
  next(value?: unknown): unknown;
  return(value?: unknown): unknown;
  throw(error?: unknown): unknown;
}

/** Marks a generator that enters a span at each resume: it is none to Node.js. All copies of the package know it. */
const RESUMED = Symbol.for('kvp-tracing.resumed');

function isResumed(value: object): boolean {
  try {
    return RESUMED in value;
  } catch {
    return false;
  }
}

/** A generator that enters the span at each resume and ends it when it is done. */
function resumed(call: Call, generator: Resumable): unknown {
  const { span } = call;
  const resume = (how: keyof Resumable) =>
    function (this: unknown, ...args: unknown[]): unknown {
      span.enter();
      let step: unknown;
      try {
        step = callInside(span, generator[how] as Callback, generator, args);
      } catch (thrown) {
        fail(call, thrown);
        throw thrown;
      }
      if (isPromise(step)) {
        return step.then(
          (value) => {
            pause(call, value);
            return value;
          },
          (error: unknown) => {
            fail(call, error);
            throw error;
          },
        );
      }
      pause(call, step);
      return step;
    };
  const wrapper = Object.create(Object.getPrototypeOf(generator) as object) as Resumable;
  for (const how of ['next', 'return', 'throw'] as const) {
    Object.defineProperty(wrapper, how, { value: resume(how), configurable: true, writable: true });
  }
  Object.defineProperty(wrapper, RESUMED, { value: true });
  return wrapper;
}

function pause(call: Call, step: unknown): void {
  const { done, value } = step as IteratorResult<unknown>;
  if (done === true) succeed(call, value);
  else call.span.exit();
}
