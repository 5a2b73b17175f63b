import { NoLockError } from '../../errors.ts';
import type { Op } from '../op.ts';
import { hasNoLocks } from '../errno.ts';
import { PoolFile } from '../sys.ts';

/**
 * The lock of a pool, for the operations of one store or writer: they share one open file, so that a blocking one
 * that runs while another waits does not keep itself out. Each operation opens it, takes it, and releases it in any
 * case, also where it could not be opened or taken.
 */
export class PoolLock {
  readonly #path: string;
  #file: PoolFile | undefined;
  #users = 0;
  #absent: NoLockError | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Opens the file that is locked. Throws `NotAPoolFileError` or `IoError`. */
  *open(): Op<PoolFile> {
    this.#users++;
    if (this.#file !== undefined) return this.#file;
    const { file } = yield* PoolFile.open(this.#path, 'append');
    if (this.#file === undefined) return (this.#file = file);
    // Another operation came in between.
    yield* file.close();
    return this.#file;
  }

  /**
   * Takes the lock of what was opened, without waiting; `false` if another process holds it. Throws `NoLockError`;
   * where there are no locks at all it tries only once.
   */
  *take(file: PoolFile): Op<boolean> {
    if (this.#absent !== undefined) throw this.#absent;
    try {
      return yield* file.lock();
    } catch (error) {
      if (hasNoLocks(error)) this.#absent = error;
      throw error;
    }
  }

  /** Ends one operation's use; the last one's gives the lock back. */
  *release(): Op<void> {
    this.#users--;
    const file = this.#file;
    if (this.#users > 0 || file === undefined) return;
    this.#file = undefined;
    yield* file.close();
  }
}
