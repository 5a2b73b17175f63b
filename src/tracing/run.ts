import { isGeneratorObject, isPromise } from 'node:util/types';
import { dispatch } from './context.ts';
import { type Span } from './span.ts';

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Calls `fn` inside of `span` and returns what it returns. With `owned` the span was made for this call:
 * it is closed when the call has settled, and marked failed if it threw.
 */
export function runInside(span: Span, owned: boolean, fn: Callback, self: unknown, args: unknown[]): unknown {
  if (span.registry === undefined) return Reflect.apply(fn, self, args);
  span.enter();
  let result: unknown;
  try {
    result = callInside(span, fn, self, args);
  } catch (thrown) {
    end(span, owned, { error: thrown });
    throw thrown;
  }
  if (typeof result === 'object' && result !== null) {
    if (isPromise(result) && result.constructor === Promise) return settled(span, owned, result);
    if (isGeneratorObject(result)) {
      span.exit();
      return resumed(span, owned, result as unknown as Resumable);
    }
  }
  if (isThenable(result)) return watched(span, owned, result);
  end(span, owned);
  return result;
}

function callInside(span: Span, fn: Callback, self: unknown, args: unknown[]): unknown {
  const { storage } = dispatch;
  const context = span.context(storage.getStore()?.subscriber);
  if (span.registry?.wraps !== true) return storage.run(context, Reflect.apply, fn, self, args);
  return storage.run(context, () => span.registry?.run(span, () => Reflect.apply(fn, self, args)));
}

function end(span: Span, owned: boolean, thrown?: { error: unknown }): void {
  if (owned && thrown !== undefined) span.thrown = thrown;
  span.exit();
  if (owned) span.close();
}

/** The promise's own outcome, passed on by a promise that settles after the span ended. */
function settled(span: Span, owned: boolean, promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      end(span, owned);
      return value;
    },
    (error: unknown) => {
      end(span, owned, { error });
      throw error;
    },
  );
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
 * same object; its `then` tells the span when it settles. It is not called here: that might start it.
 */
function watched(span: Span, owned: boolean, thenable: { then: Then }): unknown {
  const { then } = thenable;
  const watching: Then = function (this: unknown, onFulfilled, onRejected) {
    const fulfilled = (value: unknown): unknown => {
      end(span, owned);
      return typeof onFulfilled === 'function' ? onFulfilled(value) : value;
    };
    const rejected = (error: unknown): unknown => {
      end(span, owned, { error });
      if (typeof onRejected === 'function') return onRejected(error);
      throw error;
    };
    return Reflect.apply(then, this, [fulfilled, rejected]);
  };
  if (!Reflect.defineProperty(thenable, 'then', { value: watching, configurable: true, writable: true })) {
    end(span, owned);
  }
  return thenable;
}

interface Resumable {
  next(value?: unknown): unknown;
  return(value?: unknown): unknown;
  throw(error?: unknown): unknown;
}

/** A generator that enters the span at each resume and ends it when it is done. */
function resumed(span: Span, owned: boolean, generator: Resumable): unknown {
  const resume = (how: keyof Resumable) =>
    function (this: unknown, ...args: unknown[]): unknown {
      span.enter();
      let step: unknown;
      try {
        step = callInside(span, generator[how] as Callback, generator, args);
      } catch (thrown) {
        end(span, owned, { error: thrown });
        throw thrown;
      }
      if (isPromise(step)) {
        return step.then(
          (value) => {
            pause(span, owned, value);
            return value;
          },
          (error: unknown) => {
            end(span, owned, { error });
            throw error;
          },
        );
      }
      pause(span, owned, step);
      return step;
    };
  const wrapper = Object.create(Object.getPrototypeOf(generator) as object) as Resumable;
  for (const how of ['next', 'return', 'throw'] as const) wrapper[how] = resume(how);
  return wrapper;
}

function pause(span: Span, owned: boolean, step: unknown): void {
  span.exit();
  if (owned && (step as IteratorResult<unknown>).done === true) span.close();
}
