/*
 * The clocks and timers of Node.js, taken when the package is loaded: fake ones, which tests put in their place,
 * must not stop a flush or an exit, nor say when a record was made. Where there are fake ones already, something
 * that they leave alone serves instead. The whole package uses these, and the clock of `performance.ts`.
 */
import { statSync } from 'node:fs';
import * as nodeTimers from 'node:timers';
import type { MessagePort } from 'node:worker_threads';

const NodeDate = isNative(globalThis.Date, 'Date') ? globalThis.Date : hiddenDate();

export { NodeDate as Date };

/** Milliseconds since 1970, by the wall clock. */
export const wallMillis: () => number = isNative(NodeDate.now, 'now')
  ? NodeDate.now
  : () => new NodeDate().getTime();

const { uptime } = process;

/** The monotonic clock in milliseconds, to the millisecond or better: for waits, where `performance` is not loaded yet. */
export const uptimeMillis = (): number => uptime() * 1000;

/** Like those of Node.js: they keep the event loop alive unless `unref` is called. */
export const setTimeout = ((...args: Parameters<Timers['setTimeout']>) =>
  timeouts().setTimeout(...args)) as Timers['setTimeout'];
export const clearTimeout: Timers['clearTimeout'] = (timer) => timeouts().clearTimeout(timer);
export const setImmediate = ((...args: Parameters<Timers['setImmediate']>) =>
  immediates().setImmediate(...args)) as Timers['setImmediate'];

/** The longest time that a timer takes, in milliseconds. A longer one would end at once. */
export const TIMER_MAX = 2 ** 31 - 1;

export const { nextTick } = process;

type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout' | 'setImmediate'>;

function isNative(value: unknown, name: string): boolean {
  return (
    typeof value === 'function' &&
    Function.prototype.toString.call(value) === `function ${name}() { [native code] }`
  );
}

/** The class of the dates that Node.js itself makes. */
function hiddenDate(): DateConstructor {
  const { constructor } = Object.getPrototypeOf(statSync('/').mtime) as { constructor: unknown };
  return (isNative(constructor, 'Date') ? constructor : globalThis.Date) as DateConstructor;
}

/** Those that are there when the package is loaded. Whether they are real is found out when one is needed first. */
const found = {
  setTimeout: nodeTimers.setTimeout,
  clearTimeout: nodeTimers.clearTimeout,
  setImmediate: nodeTimers.setImmediate,
  clearImmediate: nodeTimers.clearImmediate,
};
let chosenTimeouts: Pick<Timers, 'setTimeout' | 'clearTimeout'> | undefined;
let chosenImmediates: Pick<Timers, 'setImmediate'> | undefined;

function timeouts(): Pick<Timers, 'setTimeout' | 'clearTimeout'> {
  return (chosenTimeouts ??= areReal(() => found.setTimeout(() => {}, 1), found.clearTimeout)
    ? found
    : ({
        setTimeout: (callback: Callback, milliseconds = 0, ...args: unknown[]) =>
          new WaitingTimer(milliseconds, () => callback(...args)),
        clearTimeout: (timer: WaitingTimer | undefined) => timer?.clear(),
      } as unknown as Timers));
}

function immediates(): Pick<Timers, 'setImmediate'> {
  return (chosenImmediates ??= areReal(() => found.setImmediate(() => {}), found.clearImmediate)
    ? found
    : ({
        setImmediate: (callback: Callback, ...args: unknown[]) =>
          new WaitingTimer(0, () => callback(...args)),
      } as unknown as Timers));
}

function areReal<T extends object>(make: () => T, clear: (timer: T) => void): boolean {
  try {
    const timer = make();
    clear(timer);
    // Deno's have no such mark.
    return process.versions['deno'] !== undefined || isOfNode(timer);
  } catch {
    // Fake ones.
    return false;
  }
}

type Callback = (...args: unknown[]) => void;

/** Whether Node.js made it: then async hooks know it. */
function isOfNode(timer: object): boolean {
  return Object.getOwnPropertySymbols(timer).some(({ description }) => description === 'asyncId');
}

/**
 * A timer made of what nobody fakes: a wait of V8's that times out, and a port that keeps the event loop alive. The
 * timeout of an `AbortSignal` would not do: Node.js loads it late, and then with the timers that it finds.
 */
class WaitingTimer {
  static readonly #running = new Set<WaitingTimer>();
  readonly #port: MessagePort;
  readonly #cell = new Int32Array(new SharedArrayBuffer(4));

  constructor(milliseconds: number, callback: () => void) {
    WaitingTimer.#running.add(this);
    // Loading it takes a twentieth of the time in which Node.js starts.
    const { MessageChannel } = process.getBuiltinModule('node:worker_threads');
    this.#port = new MessageChannel().port1;
    this.#port.ref();
    // A wait of 0 would be over at once.
    const { value } = Atomics.waitAsync(this.#cell, 0, 0, Math.max(1, Math.ceil(milliseconds)));
    void Promise.resolve(value).then(() => {
      if (!WaitingTimer.#running.has(this)) return;
      this.clear();
      callback();
    });
  }

  clear(): void {
    if (!WaitingTimer.#running.delete(this)) return;
    Atomics.notify(this.#cell, 0);
    this.#port.close();
  }

  unref(): this {
    this.#port.unref();
    return this;
  }
}
