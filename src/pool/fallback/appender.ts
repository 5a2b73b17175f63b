import { constants as os } from 'node:os';
import type { Stats } from 'node:fs';
import { NoLockError } from '../../errors.ts';
import { type Attempt, Tail } from '../attempt.ts';
import { RECORD_SIZE } from '../limits.ts';
import type { Op } from '../op.ts';
import { PoolFile } from '../sys.ts';
import { cutShort, systemError } from '../system-error.ts';

/**
 * Appends to a pool without Node.js having file locks: an append is one `O_APPEND` write, which the
 * kernel never mixes with another; what cuts the file takes `flock` by the program of that name.
 */
export class Appender {
  readonly path: string;
  #file: PoolFile | undefined;
  #staleBefore: number | undefined;
  readonly #tail: Tail;
  /** The file's size as the last append left it. */
  #left = 0;
  #missing = 0;

  constructor(path: string, staleBefore?: number, tail = new Tail()) {
    this.path = path;
    this.#staleBefore = staleBefore;
    this.#tail = tail;
  }

  /** Opens the file, creates it if its folder exists. Throws `NotAPoolFileError` or `IoError`. */
  *open(): Op<PoolFile> {
    return (this.#file ??= (yield* PoolFile.open(this.path, 'append')).file);
  }

  /** Appends what `choose` makes of the number of records in the file. Throws like `open`. */
  *append(choose: (used: number) => Buffer): Op<Attempt<void>> {
    let stat = yield* (yield* this.open()).stat();
    if (stat.nlink === 0) {
      yield* this.close();
      stat = yield* (yield* this.open()).stat();
    }
    if (this.#staleBefore !== undefined) {
      const isStale = Math.floor(stat.mtimeMs / 1000) < this.#staleBefore;
      // Where there is no lock to be had the old records stay, said once, and ours come behind them.
      if (isStale && !(yield* this.#cutOrGiveUp(stat))) return 'busy';
      this.#staleBefore = undefined;
      stat = yield* (yield* this.open()).stat();
    }
    if (!this.#tail.isSettled(stat)) return 'unsettled';
    const whole = stat.size - (stat.size % RECORD_SIZE);
    if (whole !== stat.size && !(yield* this.#cut(stat, whole))) return 'busy';
    this.#missing += Math.max(0, this.#left - whole) / RECORD_SIZE;
    this.#left = 0;
    const bytes = choose(whole / RECORD_SIZE);
    if (bytes.length > 0) yield* this.#write(bytes, whole);
    this.#left = whole + bytes.length;
    return { done: undefined };
  }

  /**
   * By how many records the file was found shorter than an append of ours had left it: it was deleted or
   * cleared, or `hv_kvp_daemon` rewrote it without what came between its read and its write.
   */
  get missing(): number {
    return this.#missing;
  }

  *close(): Op<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) yield* file.close();
  }

  /** One write to a file that ends at `start`, taken back if the disk took only a part of it. */
  *#write(bytes: Buffer, start: number): Op<void> {
    const file = yield* this.open();
    const written = yield* file.write(bytes);
    if (written === bytes.length) return;
    if (!(yield* this.#takeBack(file, start, written))) throw cutShort(this.path, written);
    throw systemError('write', this.path, -os.errno.ENOSPC);
  }

  *#takeBack(file: PoolFile, start: number, written: number): Op<boolean> {
    try {
      // Whoever appended meanwhile, before or behind it, must not be cut off.
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
      if (error instanceof NoLockError) this.#staleBefore = undefined;
      throw error;
    }
  }

  /** Cuts the file to `size`, unless somebody holds the lock or it is no longer as `seen`. */
  *#cut(seen: Stats, size: number): Op<boolean> {
    const { file } = yield* PoolFile.open(this.path, 'append');
    try {
      if (!(yield* file.lock())) return false;
      const now = yield* file.stat();
      if (now.size !== seen.size || now.mtimeMs !== seen.mtimeMs || now.ino !== seen.ino) return false;
      yield* file.truncate(size);
      return true;
    } finally {
      yield* file.close();
    }
  }
}
