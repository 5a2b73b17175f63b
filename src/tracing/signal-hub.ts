import { constants } from 'node:os';
import { performance } from './performance.ts';
import { setTimeout } from './timers.ts';

/** How long a signal's death may be put off, in milliseconds; init systems wait for at least 10 s. */
const FLUSH_TIMEOUT = 2000;
/** How long others who listen may be held up, in milliseconds. */
const WRITE_TIMEOUT = 500;
/** A process that is alive so many milliseconds after its death was asked for has none: it is the first of its container. */
const DEATH = 100;
/** How often our listeners are put first again within so many milliseconds: somebody else may do the same. */
const MOVES_MAX = 10;
const MOVES_TIME = 100;

/** Where `signal-exit` 4 counts its listeners. */
const EMITTER = Symbol.for('signal-exit emitter');

/** One who wants to write before a signal ends the process. */
export interface SignalUser {
  readonly signals: ReadonlySet<NodeJS.Signals>;
  /** Called first. */
  received(signal: NodeJS.Signals): void;
  /** Writes in this thread, for so many milliseconds at most. */
  writeThrough(milliseconds: number): void;
  flush(timeout: number): Promise<void>;
  /** Writes in this thread what it can: the process ends. */
  flushNow(): void;
}

/**
 * Listens for signals, once a process, for all who installed handlers. Its listeners stay the first ones, because
 * those that were registered by `once` are gone from the list when they were called.
 */
export class SignalHub {
  readonly #users = new Set<SignalUser>();
  readonly #listeners = new Map<NodeJS.Signals, () => void>();
  #isEnding = false;
  #isTidying = false;
  #moves = 0;

  /** Returns how to take that back. Throws what `process.on` throws for a signal that can't be listened for. */
  add(user: SignalUser): () => void {
    this.#users.add(user);
    const remove = (): void => {
      if (this.#users.delete(user)) this.#tidy();
    };
    try {
      this.#tidy();
    } catch (error) {
      remove();
      throw error;
    }
    return remove;
  }

  /** Has a listener in front of all others for each signal that somebody is here for, and for no other signal. */
  #tidy(): void {
    const wanted = new Set([...this.#users].flatMap(({ signals }) => [...signals]));
    for (const event of ['newListener', 'removeListener'] as const) {
      process.off(event, this.#changed);
      if (wanted.size > 0) process.on(event, this.#changed);
    }
    for (const [signal, listener] of this.#listeners) {
      if (wanted.has(signal)) continue;
      this.#listeners.delete(signal);
      process.off(signal, listener);
    }
    for (const signal of wanted) {
      const listener = this.#listeners.get(signal) ?? (() => this.#received(signal));
      this.#listeners.set(signal, listener);
      if (process.listeners(signal)[0] === listener) continue;
      process.off(signal, listener);
      process.prependListener(signal, listener);
    }
  }

  /** Somebody came, or took listeners away. */
  readonly #changed = (event: string | symbol): void => {
    if (this.#isTidying || !this.#listeners.has(event as NodeJS.Signals)) return;
    this.#isTidying = true;
    // Not now: a new listener is not in the list yet.
    void Promise.resolve().then(() => {
      if (this.#moves === 0) setTimeout(this.#moveAgain, MOVES_TIME).unref();
      if (++this.#moves <= MOVES_MAX) this.#tidy();
      this.#isTidying = false;
    });
  };

  readonly #moveAgain = (): void => {
    const isOwed = this.#moves > MOVES_MAX;
    this.#moves = 0;
    if (isOwed) this.#tidy();
  };

  #received(signal: NodeJS.Signals): void {
    const users = [...this.#users].filter(({ signals }) => signals.has(signal));
    users[0]?.received(signal);
    if (this.#othersOf(signal) > 0) {
      writeThrough(users);
      // Until the next microtask: who counts listeners, to end the process if there are no others, must not count ours.
      process.off(signal, this.#listeners.get(signal) as () => void);
      void flush(users);
    } else if (this.#isEnding) this.#die(signal);
    else {
      this.#isEnding = true;
      void flush(users).then(() => this.#die(signal));
    }
  }

  /** How many others decide what a signal does. */
  #othersOf(signal: NodeJS.Signals): number {
    const own = this.#listeners.get(signal);
    const others = process.listeners(signal).filter((listener) => listener !== own);
    return others.length - countedAmong(others);
  }

  #die(signal: NodeJS.Signals): void {
    const isOurs = this.#othersOf(signal) <= 0;
    // Who may live on must not be closed.
    const isCertain = isOurs && process.pid !== 1 && counters().length === 0;
    if (isCertain) for (const user of this.#users) user.flushNow();
    else writeThrough(this.#users);
    this.#users.clear();
    this.#tidy();
    this.#isEnding = false;
    const exit = (): never => process.exit(128 + constants.signals[signal]);
    try {
      process.kill(process.pid, signal);
      if (isOurs) setTimeout(() => hasSurvivor() || exit(), DEATH);
    } catch {
      exit();
    }
  }
}

function writeThrough(users: Iterable<SignalUser>): void {
  const until = performance.now() + WRITE_TIMEOUT;
  for (const user of users) user.writeThrough(Math.max(0, until - performance.now()));
}

async function flush(users: readonly SignalUser[]): Promise<void> {
  await Promise.allSettled(users.map((user) => user.flush(FLUSH_TIMEOUT)));
}

/** What a copy of `signal-exit` keeps for all of the process. */
interface Counter {
  readonly count?: unknown;
  readonly emitted?: { readonly exit?: unknown };
}

/** Those of versions 3 and 4. */
function counters(): Counter[] {
  const { __signal_exit_emitter__: third } = process as { __signal_exit_emitter__?: Counter };
  return [third, (globalThis as { [EMITTER]?: Counter })[EMITTER]].filter((counter) => counter !== undefined);
}

/**
 * How many of these listeners are of `signal-exit`: they decide nothing, they pass a signal on when nobody but them
 * listens for it. It counts them, but not that somebody took them away; so they must look like it.
 */
function countedAmong(listeners: readonly unknown[]): number {
  const all = counters().reduce((sum, { count }) => sum + (typeof count === 'number' ? count : 0), 0);
  return all === 0 ? 0 : Math.min(all, listeners.filter(isCounting).length);
}

function isCounting(listener: unknown): boolean {
  const source = Function.prototype.toString.call(listener);
  return /\bcount\b/.test(source) && source.includes('.listeners(');
}

/** Whether one who was told of the end by `signal-exit` has held it up; the first process of a container can't die of a signal. */
function hasSurvivor(): boolean {
  return process.pid !== 1 && counters().some(({ emitted }) => emitted?.exit === true);
}
