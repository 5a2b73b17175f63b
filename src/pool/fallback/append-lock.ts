import { type KvpError, messageOf, NoLockError } from '../../errors.ts';
import { type Op, runSync } from '../op.ts';
import { performance } from '../../tracing/performance.ts';
import type { PoolLock } from './pool-lock.ts';

/** Milliseconds that starting the program may block; only an overloaded machine needs more. */
const SLOW = 100;

/** The lock for a writer's appends, which go on without it where it can't be had; that is said once. */
export class AppendLock {
  readonly #path: string;
  readonly #lock: PoolLock;
  readonly #onUnlocked: (error: NoLockError) => void;
  #isSaid = false;
  /** How long the last blocking call took, in milliseconds. */
  #took = 0;

  constructor(path: string, lock: PoolLock, onUnlocked: (error: NoLockError) => void) {
    this.#path = path;
    this.#lock = lock;
    this.#onUnlocked = onUnlocked;
  }

  /** `false` if another process holds the lock. Never throws. Each call needs its `release`. */
  *take(): Op<boolean> {
    try {
      // By a blocking call: libuv ends the process where the system refuses its threads.
      return yield* this.#lock.take(runSync(this.#lock.open()));
    } catch (error) {
      const why = messageOf((error as KvpError).cause ?? error);
      this.sayWithout(`${why} (the program flock is in util-linux)`, error);
      return true;
    }
  }

  /** The same by a blocking call, unless the last one was slow: an exit has no time for another. */
  takeNow(): boolean {
    const started = performance.now();
    if (!this.isSlow) {
      const isTaken = runSync(this.take());
      this.#took = performance.now() - started;
      return isTaken;
    }
    this.sayWithout(`starting the program flock took ${Math.round(this.#took)} ms`);
    this.#took /= 2;
    try {
      runSync(this.#lock.open());
    } catch {
      // The append says why the pool can't be opened.
    }
    return true;
  }

  get isSlow(): boolean {
    return this.#took > SLOW;
  }

  release(): void {
    runSync(this.#lock.release());
  }

  sayWithout(why: string, cause?: unknown): void {
    if (this.#isSaid) return;
    this.#isSaid = true;
    const path = this.#path;
    const message = `records are appended to ${path} without a lock, so a program that rewrites it may remove them: ${why}`;
    this.#onUnlocked(new NoLockError('ERR_KVP_NO_LOCK', message, { path, cause }));
  }
}
