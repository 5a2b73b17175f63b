import { type KvpError, messageOf, NoLockError } from '../../errors.ts';
import { type Op, runSync } from '../op.ts';
import type { PoolLock } from './pool-lock.ts';

/** The lock for a writer's appends, which go on without it where it can't be had; that is said once. */
export class AppendLock {
  readonly #path: string;
  readonly #lock: PoolLock;
  readonly #onUnlocked: (error: NoLockError) => void;
  #isSaid = false;

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
