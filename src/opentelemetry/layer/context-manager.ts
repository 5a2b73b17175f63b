import { EventEmitter } from 'node:events';
import {
  type Context,
  context,
  type ContextAPI,
  type ContextManager,
  createContextKey,
  ROOT_CONTEXT,
} from '@opentelemetry/api';
import { carrying, dispatch } from '../../tracing/context.ts';
import { registered, registeredGlobals } from '../registered-globals.ts';

type Callback = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Carries OpenTelemetry's active context through asynchronous code, in the storage that has the current span: with a
 * second storage each use of either costs three times as much, and so does each promise of the program on Node.js 20.
 */
export class AsyncContextManager implements ContextManager {
  active(here = dispatch.storage.getStore()): Context {
    return (here?.carried as Context | undefined) ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return dispatch.storage.run(carrying(active), Reflect.apply, fn, thisArg, args) as ReturnType<F>;
  }

  /** Makes a context the active one of what runs from now on in this asynchronous execution. */
  enterWith(active: Context): void {
    dispatch.storage.enterWith(carrying(active));
  }

  /** Binds a function, or the listeners that are added to an emitter from now on, to a context. Returns other values as they are. */
  bind<T>(active: Context, target: T): T {
    if (target instanceof EventEmitter) return this.#bindEmitter(active, target);
    if (typeof target !== 'function') return target;
    return this.#bindFunction(active, target as unknown as Callback) as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }

  #bindFunction(active: Context, fn: Callback): Callback {
    const bound: Callback = function (...args) {
      return dispatch.storage.run(carrying(active), Reflect.apply, fn, this, args);
    };
    Object.defineProperty(bound, 'length', { value: fn.length, configurable: true });
    return bound;
  }

  /** `removeListener` is not patched: an emitter also compares the `listener` property of the wrapped function. */
  #bindEmitter<T extends EventEmitter>(active: Context, emitter: T): T {
    const { on, prependListener } = emitter;
    const adding = (add: Callback, once: boolean) => (event: string | symbol, listener: Callback) => {
      if (typeof listener !== 'function') return Reflect.apply(add, emitter, [event, listener]);
      const bound = this.#bindFunction(active, listener);
      let fired = false;
      const wrapped: Callback = function (...args) {
        if (fired) return undefined;
        if (once) {
          fired = true;
          emitter.removeListener(event, wrapped);
        }
        return Reflect.apply(bound, this, args);
      };
      return Reflect.apply(add, emitter, [event, Object.assign(wrapped, { listener })]);
    };
    const append = on as unknown as Callback;
    const prepend = prependListener as unknown as Callback;
    Object.assign(emitter, {
      on: adding(append, false),
      addListener: adding(append, false),
      once: adding(append, true),
      prependListener: adding(prepend, false),
      prependOnceListener: adding(prepend, true),
    });
    return emitter;
  }
}

const PROBE = createContextKey('kvp-tracing probe');

function works(api: ContextAPI): boolean {
  const marked = api.active().setValue(PROBE, true);
  return api.with(marked, () => api.active().getValue(PROBE) === true);
}

/** How many callers still need each context manager that was registered here. */
const users = new WeakMap<ContextManager, number>();

/**
 * Registers a context manager with `api` if it has none. Returns a function that releases it; the last release
 * unregisters a manager that was registered here. Returns `undefined` if `api.with` does not activate a context.
 */
export function ensureContextManager(api: ContextAPI = context): (() => void) | undefined {
  if (!works(api)) {
    const made = new AsyncContextManager();
    if (!registered(() => api.setGlobalContextManager(made)) || !works(api)) return undefined;
    users.set(made, 0);
  }
  const manager = registeredGlobals().context;
  const others = manager && users.get(manager);
  if (manager === undefined || others === undefined) return () => {};
  users.set(manager, others + 1);
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    const left = (users.get(manager) ?? 1) - 1;
    users.set(manager, left);
    if (left === 0 && registeredGlobals().context === manager) api.disable();
  };
}
