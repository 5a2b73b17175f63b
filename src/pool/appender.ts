import { spawnSync } from 'node:child_process';
import { constants as os } from 'node:os';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, type Stats, writeSync } from 'node:fs';
import { CutShortError, KvpError, NoLockError } from '../errors.ts';
import { RECORD_SIZE } from './limits.ts';
import { notAPoolFile, systemError } from './system-error.ts';

/** A tail off a record boundary may be somebody's append half-way; after so many milliseconds it is torn. */
const TORN_AFTER = 300;

// NOFOLLOW: a link planted in the folder must not lead root elsewhere; NONBLOCK: a FIFO must not hang.
const FLAGS =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;

/** How an attempt to append ended. `unsettled`: the file ends in the middle of a record. */
export type Attempt = 'written' | 'unsettled' | 'locked';

/**
 * Appends to a pool without Node.js having file locks: an append is one `O_APPEND` write, which the
 * kernel never mixes with another; what cuts the file takes `flock` by the program of that name.
 */
export class Appender {
  readonly path: string;
  #fd: number | undefined;
  #staleBefore: number | undefined;
  #unsettled: { size: number; mtimeMs: number; since: number } | undefined;

  constructor(path: string, staleBefore: number | undefined) {
    this.path = path;
    this.#staleBefore = staleBefore;
  }

  /** Opens the file, creates it if its folder exists. Throws `NotAPoolFileError` or `IoError`. */
  open(): number {
    return (this.#fd ??= this.#openNew());
  }

  /** Appends what `choose` makes of the number of records in the file. Throws like `open`. */
  append(choose: (used: number) => Buffer): Attempt {
    let stat = this.#call('fstat', () => fstatSync(this.open()));
    if (stat.nlink === 0) {
      this.close();
      stat = this.#call('fstat', () => fstatSync(this.open()));
    }
    if (this.#staleBefore !== undefined) {
      const isStale = Math.floor(stat.mtimeMs / 1000) < this.#staleBefore;
      // Where there is no lock to be had the old records stay, said once, and ours come behind them.
      if (isStale && !this.#cutOrGiveUp(stat)) return 'locked';
      this.#staleBefore = undefined;
      stat = this.#call('fstat', () => fstatSync(this.open()));
    }
    if (!this.#isSettled(stat)) return 'unsettled';
    const whole = stat.size - (stat.size % RECORD_SIZE);
    if (whole !== stat.size) {
      if (!this.#cut(stat, whole)) return 'locked';
      this.#unsettled = undefined;
    }
    const bytes = choose(whole / RECORD_SIZE);
    if (bytes.length > 0) this.#write(bytes, whole);
    return 'written';
  }

  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Whether the file ends at a record, or has ended where it does for long enough to be torn. */
  #isSettled({ size, mtimeMs }: Stats): boolean {
    if (size % RECORD_SIZE === 0) {
      this.#unsettled = undefined;
      return true;
    }
    const seen = this.#unsettled;
    if (seen?.size === size && seen.mtimeMs === mtimeMs) return performance.now() - seen.since >= TORN_AFTER;
    this.#unsettled = { size, mtimeMs, since: performance.now() };
    return false;
  }

  /** One write to a file that ends at `start`, taken back if the disk took only a part of it. */
  #write(bytes: Buffer, start: number): void {
    const fd = this.open();
    const written = this.#call('write', () => writeSync(fd, bytes));
    if (written === bytes.length) return;
    // Whoever appended meanwhile, before or behind it, must not be cut off.
    const stat = this.#call('fstat', () => fstatSync(fd));
    const isLast = stat.size === start + written;
    if (!isLast || !this.#cut(stat, start)) throw new CutShortError(this.path, written);
    throw systemError('write', this.path, -os.errno.ENOSPC);
  }

  #cutOrGiveUp(stat: Stats): boolean {
    try {
      return this.#cut(stat, 0);
    } catch (error) {
      if (error instanceof NoLockError) this.#staleBefore = undefined;
      throw error;
    }
  }

  /** Cuts the file to `size`, unless somebody holds the lock or it is no longer as `seen`. */
  #cut(seen: Stats, size: number): boolean {
    const fd = this.#openNew();
    try {
      if (!takeFlock(fd)) return false;
      const now = this.#call('fstat', () => fstatSync(fd));
      if (now.size !== seen.size || now.mtimeMs !== seen.mtimeMs || now.ino !== seen.ino) return false;
      this.#call('ftruncate', () => ftruncateSync(fd, size));
      return true;
    } finally {
      closeSync(fd);
    }
  }

  #openNew(): number {
    const fd = this.#call('open', () => openSync(this.path, FLAGS, 0o600));
    const stat = fstatSync(fd);
    if (stat.isFile()) return fd;
    closeSync(fd);
    throw notAPoolFile(this.path, kindOf(stat));
  }

  #call<R>(syscall: string, call: () => R): R {
    try {
      return call();
    } catch (thrown) {
      const { errno } = thrown as NodeJS.ErrnoException;
      throw errno === undefined || thrown instanceof KvpError
        ? thrown
        : systemError(syscall, this.path, errno, thrown);
    }
  }
}

/** Whether an error says that the pool's folder does not exist (yet). */
export function isMissingFolder(error: unknown): boolean {
  const { syscall, errno } = error as KvpError;
  return syscall === 'open' && errno === -os.errno.ENOENT;
}

/**
 * The lock of the child's descriptor is ours: both are one open file. Closing it gives it back. Throws
 * `NoLockError` where the program `flock` (util-linux) is missing.
 */
function takeFlock(fd: number): boolean {
  const { status, error } = spawnSync('flock', ['-x', '-n', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  if (error !== undefined) {
    const hint = 'the program flock can not be run (Debian: apt-get install util-linux)';
    throw new NoLockError('ERR_KVP_NO_LOCK', `cutting a pool needs a lock and ${hint}`, { cause: error });
  }
  return status === 0;
}

function kindOf(stat: Stats): string {
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isCharacterDevice()) return 'a character device';
  return stat.isBlockDevice() ? 'a block device' : 'no regular file';
}
