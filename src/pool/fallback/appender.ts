import type { Stats } from 'node:fs';
import { NoLockError } from '../../errors.ts';
import { type Attempt, Tail } from '../attempt.ts';
import { KEY_SIZE, RECORD_SIZE } from '../limits.ts';
import type { Op } from '../op.ts';
import { leadsNowhere } from '../errno.ts';
import { isSame } from '../same-file.ts';
import { isOlder, PoolFile } from '../sys.ts';
import { PoolLock } from './pool-lock.ts';

/** How many of the last records are searched for one that is not where it was. */
const SEARCHED_MAX = 2048;
/** Milliseconds that a file which became shorter must stay unchanged before its records count as missing. */
const REWRITTEN_AFTER = 10;

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
  readonly #rewriting = new Tail();
  readonly #lock: PoolLock;
  /** The file's size after the last append. */
  #left = 0;
  /** The file's size when it was last seen to be a pool. */
  #known = 0;
  #missing = 0;
  /** The last append, by the place and key of its last record, until it is known to be gone. */
  #last: { at: number; readonly records: number; readonly key: Buffer } | undefined;

  constructor(path: string, lock: PoolLock, staleBefore?: number, tail = new Tail()) {
    this.path = path;
    this.#lock = lock;
    this.#staleBefore = staleBefore;
    this.#tail = tail;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
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
    // Whoever rewrites the file without our lock empties it first.
    if (!this.#rewriting.isSettled(stat, stat.size >= this.#left, REWRITTEN_AFTER)) return 'unsettled';
    const whole = stat.size - (stat.size % RECORD_SIZE);
    if (whole !== stat.size && !(yield* this.#cut(stat, whole))) return 'busy';
    yield* this.#countMissingIn(file, whole);
    const bytes = choose(whole / RECORD_SIZE);
    yield* file.append(bytes, whole, (written) => this.#takeBack(file, whole, written));
    this.#left = this.#known = whole + bytes.length;
    if (bytes.length > 0) {
      const at = this.#left - RECORD_SIZE;
      const key = Buffer.from(bytes.subarray(-RECORD_SIZE, KEY_SIZE - RECORD_SIZE));
      this.#last = { at, records: bytes.length / RECORD_SIZE, key };
    }
    return { done: undefined };
  }

  /** Looks where the records are that were appended, and counts those that are missing. Never throws. */
  *look(): Op<void> {
    if (this.#file === undefined) return;
    try {
      const stat = yield* this.#file.stat();
      if (!(yield* this.#file.isInPlace(stat))) yield* this.#leave();
      else if (stat.size < this.#left || !(yield* this.#isLastAt(this.#file)))
        yield* this.#lookLocked(this.#file);
    } catch {
      // The next append meets the same error.
    }
  }

  /** Counts what is missing while nobody is in the middle of rewriting the file. */
  *#lookLocked(file: PoolFile): Op<void> {
    try {
      if (yield* this.#lock.take(yield* this.#lock.open()))
        yield* this.#countMissingIn(file, (yield* file.stat()).size);
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
    const gone = Math.floor(Math.max(0, this.#left - size) / RECORD_SIZE);
    if (gone > 0) this.#last = undefined;
    this.#missing += gone;
    this.#left = Math.min(this.#left, size);
  }

  /** The same, and the last append if others rewrote the file without it and made it as long again. */
  *#countMissingIn(file: PoolFile, size: number): Op<void> {
    this.#countMissing(size);
    const last = this.#last;
    if (last === undefined || (yield* this.#isLastAt(file))) return;
    // Others may have taken away records before it.
    const end = size - (size % RECORD_SIZE);
    const from = Math.max(0, end - SEARCHED_MAX * RECORD_SIZE);
    for (last.at = end - RECORD_SIZE; last.at >= from; last.at -= RECORD_SIZE)
      if (yield* this.#isLastAt(file)) return;
    this.#missing += last.records;
    this.#last = undefined;
  }

  /** Whether the last record that was appended is where it is thought to be, which it is if that can't be read. */
  *#isLastAt(file: PoolFile): Op<boolean> {
    if (this.#last === undefined) return true;
    const { at, key } = this.#last;
    const found = Buffer.alloc(KEY_SIZE);
    try {
      yield* file.read(found, at);
      return found.equals(key);
    } catch {
      return true;
    }
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
    if (old !== undefined) this.#countMissing(yield* this.#keptOf(old));
    yield* this.close();
  }

  /**
   * How many bytes of what was appended the file at the path starts with, too: all of it if a program changed a copy and
   * renamed it, less if the copy was made before the last records. What can't be opened or read tells nothing.
   */
  *#keptOf(old: PoolFile): Op<number> {
    let there: PoolFile | undefined;
    try {
      ({ file: there } = yield* PoolFile.open(this.path, 'read'));
      const [record, other] = [Buffer.alloc(RECORD_SIZE), Buffer.alloc(RECORD_SIZE)];
      let [from, to] = [0, Math.floor(this.#left / RECORD_SIZE)];
      // Most often it is all or nothing.
      let middle = to - 1;
      while (from < to) {
        const at = middle * RECORD_SIZE;
        const isWhole = (yield* old.read(record, at)) === RECORD_SIZE;
        const isSame = isWhole && (yield* there.read(other, at)) === RECORD_SIZE && record.equals(other);
        if (isSame) from = middle + 1;
        else to = middle;
        middle = (from + to) >> 1;
      }
      return from * RECORD_SIZE;
    } catch (error) {
      return there === undefined && leadsNowhere(error) ? 0 : this.#left;
    } finally {
      if (there !== undefined) yield* there.close();
    }
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
