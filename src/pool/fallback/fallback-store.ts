import type { Stats } from 'node:fs';
import { NotAPoolFileError } from '../../errors.ts';
import { Appender } from './appender.ts';
import { PoolLock } from './pool-lock.ts';
import { type Attempt, Tail } from '../attempt.ts';
import { type Defect, type Edit, remove, repair, replace, set } from '../edit.ts';
import { READ_MAX, RECORD_SIZE } from '../limits.ts';
import type { Op } from '../op.ts';
import { encodeRecords, type PoolRecord } from '../record.ts';
import type { Contents, StoreBackend } from '../store-backend.ts';
import { errnoOf, hasNoLocks, isNotFound } from '../errno.ts';
import { isSame } from '../same-file.ts';
import { isOlder, PoolFile } from '../sys.ts';
import { allocated, cutShort, poolFull, systemError, tooLarge } from '../system-error.ts';

/**
 * The store for systems on which the native core can't be loaded; the counterpart of store.rs. To append and
 * change records, the program `flock` takes the lock. Reading takes no lock, but checks that the file did not
 * change meanwhile. No file stays open between operations, because blocking operations may run in the
 * middle of others.
 */
export class FallbackStore implements StoreBackend {
  readonly #path: string;
  readonly #tail = new Tail();
  readonly #lock: PoolLock;

  constructor(path: string) {
    this.#path = path;
    this.#lock = new PoolLock(path);
  }

  *append(records: readonly PoolRecord[]): Op<Attempt<void>> {
    const bytes = this.#encoded(records);
    const appender = new Appender(this.#path, this.#lock, undefined, this.#tail);
    try {
      if (!(yield* this.#lockIfPossible())) return 'busy';
      return yield* appender.append(() => bytes);
    } finally {
      yield* appender.close();
      yield* this.#lock.release();
    }
  }

  /** An append can do without the lock where there is none: the kernel keeps it whole. */
  *#lockIfPossible(): Op<boolean> {
    try {
      return yield* this.#lock.take(yield* this.#lock.open());
    } catch (error) {
      if (hasNoLocks(error)) return true;
      throw error;
    }
  }

  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>> {
    const bytes = this.#encoded([record]);
    return this.#change('create', (pool) => {
      const edit = set(pool, bytes, maxKeys);
      if (typeof edit === 'number') throw poolFull(this.#path, edit, maxKeys);
      return { edit, result: undefined };
    });
  }

  load(records: readonly PoolRecord[]): Op<Attempt<void>> {
    const bytes = this.#encoded(records);
    return this.#change('create', () => ({ edit: replace(bytes), result: undefined }));
  }

  delete(keys: readonly string[]): Op<Attempt<number>> {
    return this.#change({ done: 0 }, (pool) => remove(pool, keys));
  }

  repair(): Op<Attempt<Defect[]>> {
    return this.#change({ done: [] }, repair);
  }

  clear(staleBefore?: number): Op<Attempt<boolean>> {
    return this.#withFile({ done: false }, function* (file, stat): Op<Attempt<boolean>> {
      if (staleBefore !== undefined && !isOlder(stat, staleBefore)) return { done: false };
      if (!(yield* file.checkShape(0, stat.size))) return 'busy';
      yield* file.truncate(0);
      return { done: true };
    });
  }

  /** Reads without a lock. The bytes count if afterwards the file is the same, or has only grown. */
  *read(lenient: boolean): Op<Attempt<Contents>> {
    let opened: { file: PoolFile; stat: Stats };
    try {
      opened = yield* PoolFile.open(this.#path, lenient ? 'follow' : 'read');
    } catch (error) {
      if (isNotFound(error)) return { done: 'missing' };
      if (lenient && error instanceof NotAPoolFileError) return { done: 'irregular' };
      throw error;
    }
    const { file, stat: before } = opened;
    try {
      const bytes = yield* this.#readWhole(file, before);
      const after = yield* file.stat();
      const isSame = after.size === before.size && after.mtimeMs === before.mtimeMs;
      const isWhole = bytes.length === before.size && (isSame || after.size > before.size);
      return isWhole ? { done: bytes } : 'busy';
    } finally {
      yield* file.close();
    }
  }

  readFields(lenient: boolean): Op<Attempt<Contents>> {
    return this.read(lenient);
  }

  close(): void {}

  #encoded(records: readonly PoolRecord[]): Buffer {
    const size = records.length * RECORD_SIZE;
    return allocated(this.#path, 'the records', size, () => encodeRecords(records));
  }

  #allocated(size: number): Buffer {
    return allocated(this.#path, 'the contents', size, () => Buffer.allocUnsafe(size));
  }

  /**
   * Applies the edit that `change` makes of the file's bytes. A missing file is created, or `missing` is
   * the result.
   */
  #change<R>(
    missing: { done: R } | 'create',
    change: (pool: Buffer) => { edit: Edit; result: R },
  ): Op<Attempt<R>> {
    const readWhole = (file: PoolFile, stat: Stats) => this.#readWhole(file, stat);
    const apply = (file: PoolFile, stat: Stats, old: Buffer, edit: Edit) =>
      this.#apply(file, stat, old, edit);
    const [tail, path] = [this.#tail, this.#path];
    return this.#withFile(missing, function* (file, stat): Op<Attempt<R>> {
      if (!tail.isSettled(stat)) return 'unsettled';
      const pool = yield* readWhole(file, stat);
      // A process that takes no locks is appending or cutting.
      if ((yield* file.stat()).size !== pool.length) return 'busy';
      if (!(yield* file.checkShape(0, pool.length))) return 'busy';
      const { edit, result } = allocated(path, 'the contents', pool.length, () => change(pool));
      yield* apply(file, stat, pool, edit);
      return { done: result };
    });
  }

  /** Runs `act` with the file opened and locked. Closing it releases the lock. */
  *#withFile<R>(
    missing: { done: R } | 'create',
    act: (file: PoolFile, stat: Stats) => Op<Attempt<R>>,
  ): Op<Attempt<R>> {
    let file: PoolFile;
    try {
      // A new file is locked before anything is written, because another process may be creating it too.
      ({ file } = yield* PoolFile.open(this.#path, missing === 'create' ? 'create' : 'edit'));
    } catch (error) {
      if (missing !== 'create' && isNotFound(error)) return missing;
      throw error;
    }
    try {
      if (!(yield* file.lock())) return 'busy';
      const stat = yield* file.stat();
      return (yield* file.isInPlace(stat)) ? yield* act(file, stat) : 'busy';
    } finally {
      yield* file.close();
    }
  }

  *#readWhole(file: PoolFile, { size }: Stats): Op<Buffer> {
    if (size > READ_MAX) throw tooLarge(this.#path, size, READ_MAX);
    const bytes = this.#allocated(size);
    return bytes.subarray(0, yield* file.read(bytes, 0));
  }

  /** Applies `edit` to the file, which has the bytes `old`, or leaves it as it was. */
  *#apply(file: PoolFile, stat: Stats, old: Buffer, edit: Edit): Op<void> {
    const size = old.length - (old.length % RECORD_SIZE);
    if (size < old.length) yield* file.truncate(size);
    // What makes the file longer comes first, because only that can fail for lack of space.
    const inside = Math.min(edit.with.length, size - edit.from);
    const beyond = edit.with.subarray(inside);
    if (beyond.length > 0) yield* this.#appendTo(file, stat, beyond, size);
    try {
      yield* file.writeOver(edit.with.subarray(0, inside), edit.from);
      if (edit.length < size) yield* this.#cut(file, size, edit.length);
    } catch (error) {
      if (yield* this.#restore(file, old.subarray(0, size), edit.from, beyond.length)) throw error;
      throw cutShort(this.#path, inside);
    }
  }

  *#restore(file: PoolFile, old: Buffer, from: number, beyond: number): Op<boolean> {
    try {
      yield* file.writeOver(old.subarray(from), from);
      return beyond === 0 || (yield* this.#takeBack(file, old.length, beyond));
    } catch {
      return false;
    }
  }

  /** Cuts what was written behind `size`, unless another process appended to it. */
  *#takeBack(file: PoolFile, size: number, written: number): Op<boolean> {
    try {
      if ((yield* file.stat()).size !== size + written) return false;
      yield* file.truncate(size);
      return true;
    } catch {
      return false;
    }
  }

  /** Adds at the end by an append, which can't overwrite what a process without locks appends meanwhile. */
  *#appendTo(edited: PoolFile, before: Stats, bytes: Buffer, size: number): Op<void> {
    const { file, stat } = yield* PoolFile.open(this.#path, 'append');
    try {
      if (!isSame(stat, before)) throw systemError('open', this.#path, errnoOf('ESTALE'));
      yield* file.append(bytes, size, (written) => this.#takeBack(edited, size, written));
    } finally {
      yield* file.close();
    }
  }

  /**
   * Cuts the file, which had `size` bytes, to `length`. Moves what a process without locks appended
   * meanwhile.
   */
  *#cut(file: PoolFile, size: number, length: number): Op<void> {
    const now = (yield* file.stat()).size;
    if (now <= size) return yield* file.truncate(length);
    const late = this.#allocated(now - size);
    const read = yield* file.read(late, size);
    yield* file.writeOver(late.subarray(0, read), length);
    yield* this.#cut(file, size + read, length + read);
  }
}
