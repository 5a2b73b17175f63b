import { AsyncLocalStorage } from 'node:async_hooks';
import { isGeneratorObject, isPromise } from 'node:util/types';
import { dispatch } from './context.ts';
import type { Callback } from './layer-slot.ts';
import type { Registry } from './registry.ts';
import type { Span } from './span.ts';
import { isObject } from './value.ts';

/** Called with the outcome of a call, inside of its span and before the span ends. */
export interface CallObserver {
  returned?: ((value: unknown) => void) | undefined;
  threw?: ((error: unknown) => void) | undefined;
}

/** A call inside of a span. */
interface Call {
  readonly span: Span;
  /** Whether the span was made for this call. */
  readonly ownsSpan: boolean;
  readonly report: CallObserver | undefined;
  /** Whether the outcome is known. */
  isOver: boolean;
}

/**
 * Calls `fn` inside of `span` and returns what it returns. With `ownsSpan` the span was made for this call: it is closed
 * when the call returned or its promise settled, and has failed if the call threw.
 */
export function runInSpan(
  span: Span,
  ownsSpan: boolean,
  fn: Callback,
  self: unknown,
  args: ArrayLike<unknown>,
  report?: CallObserver,
): unknown {
  if (span.registry === undefined && report === undefined) return Reflect.apply(fn, self, args);
  span.enter();
  let result: unknown;
  try {
    result = callInContext(span, fn, self, args);
  } catch (thrown) {
    fail({ span, ownsSpan, report, isOver: false }, thrown);
    throw thrown;
  }
  // Most calls return nothing that is waited for, and are over.
  if (report === undefined && !isObject(result)) {
    endCall(span, ownsSpan);
    return result;
  }
  return follow({ span, ownsSpan, report, isOver: false }, result);
}

/** Ends the span when what a call returned is done. Returns that, or what stands for it. */
function follow(call: Call, result: unknown): unknown {
  if (typeof result === 'object' && result !== null) {
    if (isPlainPromise(result)) return followPromise(call, result);
    if (isGeneratorObject(result) || isFollowedGenerator(result)) {
      call.span.exit();
      return followGenerator(call, result as unknown as Resumable);
    }
  }
  if (isThenable(result)) return followThenable(call, result);
  succeed(call, result);
  return result;
}

/** Calls a function as code inside of a span, without entering that. */
export function callInContext(span: Span, fn: Callback, self: unknown, args: ArrayLike<unknown>): unknown {
  const { registry } = span;
  if (registry === undefined) return Reflect.apply(fn, self, args);
  const { storage } = dispatch;
  const context = span.context(storage.getStore());
  if (!registry.wraps(span)) return storage.run(context, Reflect.apply, fn, self, args);
  return storage.run(context, runWrapped, registry, span, fn, self, args);
}

function runWrapped(
  registry: Registry,
  span: Span,
  fn: Callback,
  self: unknown,
  args: ArrayLike<unknown>,
): unknown {
  return registry.run(span, fn, self, args);
}

function succeed(call: Call, value: unknown): void {
  const { span, report } = call;
  if (report?.returned !== undefined && !call.isOver)
    callInContext(span, report.returned, undefined, [value]);
  end(call);
}

function fail(call: Call, error: unknown): void {
  const { span, ownsSpan, report, isOver } = call;
  if (report?.threw !== undefined && !isOver) callInContext(span, report.threw, undefined, [error]);
  // What is thrown into a generator that is done has nothing to do with its span.
  if (ownsSpan && span.registry !== undefined && !isOver)
    span.thrown = { error: span.registry.redacted(error) };
  end(call);
}

function end(call: Call): void {
  call.isOver = true;
  endCall(call.span, call.ownsSpan);
}

function endCall(span: Span, ownsSpan: boolean): void {
  span.exit();
  if (ownsSpan) span.close();
}

/** Whether a value is a promise as `async` functions make them, of whatever realm, and not of a class of its own. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  if (!isPromise(value)) return false;
  try {
    const { constructor } = value;
    if (constructor === Promise) return true;
    const isOwn = Object.hasOwn(value, 'constructor') || Object.hasOwn(value, 'then');
    return !isOwn && constructor.prototype === Object.getPrototypeOf(value) && isNativePromise(constructor);
  } catch {
    return false;
  }
}

/** Whether a class is the `Promise` of some realm, by its text, which no class of a program has. */
function isNativePromise(constructor: unknown): boolean {
  return (
    typeof constructor === 'function' &&
    Function.prototype.toString.call(constructor) === 'function Promise() { [native code] }'
  );
}

/** A promise with the outcome of `promise` that settles after the span has ended. */
function followPromise(call: Call, promise: Promise<unknown>): Promise<unknown> {
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
  copyProperties(promise, following);
  return following;
}

/** What async hooks keep with each promise in Node.js 20, by the descriptions of the symbols. */
const OF_ASYNC_HOOKS: ReadonlySet<unknown> = new Set([
  'async_id_symbol',
  'trigger_async_id_symbol',
  'kResourceStore',
]);

/** Some promises have properties: that of a promisified `exec` has its child process. */
function copyProperties(from: object, to: object): void {
  const keys = Reflect.ownKeys(from);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string | symbol;
    if (Object.hasOwn(to, key) || (typeof key === 'symbol' && OF_ASYNC_HOOKS.has(key.description))) continue;
    Object.defineProperty(to, key, Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor);
  }
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
 * Returns the same object for a thenable that is more than a promise, such as an instance of a subclass or a query that
 * runs when it is awaited. Its `then` is replaced by one that runs inside of the span and notices the outcome. `then` is
 * not called here, because that could start the query.
 */
function followThenable(call: Call, thenable: { then: Then }): unknown {
  const { then } = thenable;
  const known = WAITING_CALLS.get(then);
  if (known !== undefined) {
    // The thenable is returned again, as from a cache. Wrapping `then` once more each time would grow without end.
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
    return callInContext(span, then as Callback, this, [fulfilled, rejected]);
  };
  WAITING_CALLS.set(watching, calls);
  if (!replaceThen(thenable, watching)) succeed(call, thenable);
  return thenable;
}

/** The calls that wait for the outcome, by the `then` that replaced the thenable's own. */
const WAITING_CALLS = new WeakMap<Then, Call[]>();

function replaceThen(thenable: object, then: Then): boolean {
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

/** Marks what `followGenerator` returns, which `isGeneratorObject` does not recognise. All copies of the package share it. */
const FOLLOWED = Symbol.for('kvp-tracing.resumed');

function isFollowedGenerator(value: object): boolean {
  try {
    return FOLLOWED in value;
  } catch {
    return false;
  }
}

/** A generator that enters the span each time it is resumed, and ends it when it is done. */
function followGenerator(call: Call, generator: Resumable): unknown {
  const { span } = call;
  const resume = (how: keyof Resumable) =>
    function (this: unknown, ...args: unknown[]): unknown {
      span.enter();
      let step: unknown;
      try {
        step = callInContext(span, generator[how] as Callback, generator, args);
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
  Object.defineProperty(wrapper, FOLLOWED, { value: true });
  return wrapper;
}

function pause(call: Call, step: unknown): void {
  const { done, value } = step as IteratorResult<unknown>;
  if (done === true) succeed(call, value);
  else call.span.exit();
}
