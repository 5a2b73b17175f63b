import { constants as os } from 'node:os';
import type { Stats } from 'node:fs';
import { NoLockError } from '../../errors.ts';
import { type Attempt, Tail } from '../attempt.ts';
import { RECORD_SIZE } from '../limits.ts';
import type { Op } from '../op.ts';
import { PoolFile } from '../sys.ts';
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
  #staleBefore: number | undefined;
  readonly #tail: Tail;
  readonly #lock: PoolLock;
  /** The file's size after the last append. */
  #left = 0;
  #missing = 0;

  constructor(path: string, lock: PoolLock, staleBefore?: number, tail = new Tail()) {
    this.path = path;
    this.#lock = lock;
    this.#staleBefore = staleBefore;
    this.#tail = tail;
  }

  /** Opens the file, and creates it if its folder exists. Throws `NotAPoolFileError` or `IoError`. */
  *open(): Op<PoolFile> {
    return (this.#file ??= (yield* PoolFile.open(this.path, 'append')).file);
  }

  /** Appends what `choose` returns for the number of records in the file. Throws the errors of `open`. */
  *append(choose: (used: number) => Buffer): Op<Attempt<void>> {
    let stat = yield* (yield* this.open()).stat();
    if (stat.nlink === 0) {
      yield* this.close();
      stat = yield* (yield* this.open()).stat();
    }
    if (this.#staleBefore !== undefined) {
      const isStale = Math.floor(stat.mtimeMs / 1000) < this.#staleBefore;
      // Without locks the first attempt throws; later ones append behind the old records.
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
   * The number of records that were in the file after an append of ours and were missing at the next one:
   * the file was deleted or cleared, or `hv_kvp_daemon` rewrote it without the records appended between its
   * read and its write.
   */
  get missing(): number {
    return this.#missing;
  }

  *close(): Op<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) yield* file.close();
  }

  /** Appends by one write to a file that ends at `start`. A short write is undone. */
  *#write(bytes: Buffer, start: number): Op<void> {
    const file = yield* this.open();
    const written = yield* file.write(bytes);
    if (written === bytes.length) return;
    if (!(yield* this.#takeBack(file, start, written))) throw cutShort(this.path, written);
    throw systemError('write', this.path, -os.errno.ENOSPC);
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
      if (error instanceof NoLockError) this.#staleBefore = undefined;
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
      if (now.size !== seen.size || now.mtimeMs !== seen.mtimeMs || now.ino !== seen.ino) return false;
      yield* file.truncate(size);
      return true;
    } finally {
      yield* this.#lock.release();
    }
  }
}
