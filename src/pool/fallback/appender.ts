import type { Stats } from 'node:fs';
import { NoLockError } from '../../errors.ts';
import { type Attempt, Tail } from '../attempt.ts';
import { RECORD_SIZE } from '../limits.ts';
import type { Op } from '../op.ts';
import { errnoOf, leadsNowhere } from '../errno.ts';
import { isSame } from '../same-file.ts';
import { isOlder, PoolFile } from '../sys.ts';
import { PoolLock } from './pool-lock.ts';
import { cutShort, systemError } from '../system-error.ts';

/**
 * Appends to a pool; the counterpart of appender.rs. Node.js has no file locks. An append is one `O_APPEND`
 * write, which the kernel never mixes with another one. The caller takes the lock for it, where it can; to cut
 * the file it is needed.
 */
export class Appender {
  readonly path: string;
  #file: PoolFile | undefined;
  readonly #staleBefore: number | undefined;
  /** Whether nothing was appended yet to the file at the path. */
  #isNew = true;
  readonly #tail: Tail;
  readonly #lock: PoolLock;
  /** The file's size after the last append. */
  #left = 0;
  /** The file's size when it was last seen to be a pool. */
  #known = 0;
  #missing = 0;

  constructor(path: string, lock: PoolLock, staleBefore?: number, tail = new Tail()) {
    this.path = path;
    this.#lock = lock;
    this.#staleBefore = staleBefore;
    this.#tail = tail;
  }

  /** Opens the file, and creates it if its folder exists. Throws `NotAPoolFileError` or `IoError`. */
  *open(): Op<PoolFile> {
    if (this.#file !== undefined) return this.#file;
    const { file, stat } = yield* PoolFile.open(this.path, 'append');
    try {
      this.#known = (yield* file.checkShape(0, stat.size)) ? stat.size : 0;
    } catch (error) {
      yield* file.close();
      throw error;
    }
    return (this.#file = file);
  }

  /** Appends what `choose` returns for the number of records in the file. Throws the errors of `open`. */
  *append(choose: (used: number) => Buffer): Op<Attempt<void>> {
    let file = yield* this.open();
    let stat = yield* file.stat();
    if (!(yield* file.isInPlace(stat))) {
      yield* this.#leave();
      file = yield* this.open();
      stat = yield* file.stat();
    }
    if (!(yield* this.#check(file, stat.size))) return 'busy';
    if (this.#isNew && this.#staleBefore !== undefined) {
      // Without locks the first attempt throws; later ones append behind the old records.
      if (isOlder(stat, this.#staleBefore) && !(yield* this.#cutOrGiveUp(stat))) return 'busy';
      stat = yield* file.stat();
    }
    this.#isNew = false;
    if (!this.#tail.isSettled(stat)) return 'unsettled';
    const whole = stat.size - (stat.size % RECORD_SIZE);
    if (whole !== stat.size && !(yield* this.#cut(stat, whole))) return 'busy';
    this.#countMissing(whole);
    const bytes = choose(whole / RECORD_SIZE);
    if (bytes.length > 0) yield* this.#write(bytes, whole);
    this.#left = this.#known = whole + bytes.length;
    return { done: undefined };
  }

  /** Looks where the records are that were appended, and counts those that are missing. Never throws. */
  *look(): Op<void> {
    if (this.#file === undefined) return;
    try {
      const stat = yield* this.#file.stat();
      if (!(yield* this.#file.isInPlace(stat))) yield* this.#leave();
      else if (stat.size < this.#left) yield* this.#lookLocked(this.#file);
    } catch {
      // The next append meets the same error.
    }
  }

  /** Counts what is missing while nobody is in the middle of rewriting the file. */
  *#lookLocked(file: PoolFile): Op<void> {
    try {
      if (yield* this.#lock.take(yield* this.#lock.open())) this.#countMissing((yield* file.stat()).size);
    } finally {
      yield* this.#lock.release();
    }
  }

  /**
   * The number of records that were in the file after an append of ours and were missing later: the file was
   * deleted, cleared, renamed or mounted over, or `hv_kvp_daemon` rewrote it without the records appended
   * between its read and its write.
   */
  get missing(): number {
    return this.#missing;
  }

  *close(): Op<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) yield* file.close();
  }

  /** Counts the records by which the file, which has `size` bytes now, became shorter. */
  #countMissing(size: number): void {
    this.#missing += Math.floor(Math.max(0, this.#left - size) / RECORD_SIZE);
    this.#left = Math.min(this.#left, size);
  }

  /** Checks what others put into the file since it was last seen to be a pool. */
  *#check(file: PoolFile, size: number): Op<boolean> {
    if (size === this.#known) return true;
    const from = size > this.#known ? this.#known - (this.#known % RECORD_SIZE) : 0;
    const isWhole = yield* file.checkShape(from, size);
    if (isWhole) this.#known = size;
    return isWhole;
  }

  /** Closes the file because the path leads to another one now, or to none. */
  *#leave(): Op<void> {
    const old = this.#file;
    this.#isNew = true;
    if (old !== undefined && (yield* this.#isGone(old))) this.#countMissing(0);
    yield* this.close();
  }

  /**
   * Whether the last record is not in the file at the path too, at the same place, where it is if a program changed a
   * copy and renamed it. What can't be opened or read tells nothing.
   */
  *#isGone(old: PoolFile): Op<boolean> {
    if (this.#left < RECORD_SIZE) return false;
    let there: PoolFile | undefined;
    try {
      ({ file: there } = yield* PoolFile.open(this.path, 'read'));
      const [record, other] = [Buffer.alloc(RECORD_SIZE), Buffer.alloc(RECORD_SIZE)];
      const at = this.#left - RECORD_SIZE;
      const isWhole = (yield* old.read(record, at)) === RECORD_SIZE;
      const isOther = (yield* there.read(other, at)) < RECORD_SIZE || !record.equals(other);
      return !isWhole || isOther;
    } catch (error) {
      return there === undefined && leadsNowhere(error);
    } finally {
      if (there !== undefined) yield* there.close();
    }
  }

  /** Appends by one write to a file that ends at `start`. A short write is undone. */
  *#write(bytes: Buffer, start: number): Op<void> {
    const file = yield* this.open();
    const written = yield* file.write(bytes);
    if (written === bytes.length) return;
    if (!(yield* this.#takeBack(file, start, written))) throw cutShort(this.path, written);
    throw systemError('write', this.path, errnoOf('ENOSPC'));
  }

  *#takeBack(file: PoolFile, start: number, written: number): Op<boolean> {
    try {
      // What other processes appended meanwhile, before or after it, must not be cut.
      const stat = yield* file.stat();
      return stat.size === start + written && (yield* this.#cut(stat, start));
    } catch {
      return false;
    }
  }

  *#cutOrGiveUp(stat: Stats): Op<boolean> {
    try {
      return yield* this.#cut(stat, 0);
    } catch (error) {
      if (error instanceof NoLockError) this.#isNew = false;
      throw error;
    }
  }

  /**
   * Cuts the file to `size`, unless another process holds the lock or has changed the file since it was
   * `seen`.
   */
  *#cut(seen: Stats, size: number): Op<boolean> {
    try {
      const file = yield* this.#lock.open();
      if (!(yield* this.#lock.take(file))) return false;
      const now = yield* file.stat();
      if (now.size !== seen.size || now.mtimeMs !== seen.mtimeMs || !isSame(now, seen)) return false;
      yield* file.truncate(size);
      return true;
    } finally {
      yield* this.#lock.release();
    }
  }
}
