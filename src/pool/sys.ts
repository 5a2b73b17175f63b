import fs, { constants, type Stats } from 'node:fs';
import { CutShortError, type KvpError, messageOf, NoLockError, NotAPoolFileError } from '../errors.ts';
import { suppressTracing } from '../tracing/suppress-tracing.ts';
import { READ_MAX, RECORD_SIZE } from './limits.ts';
import { call, type Op } from './op.ts';
import { errnoOf, leadsNowhere } from './errno.ts';
import { isSame } from './same-file.ts';
import { placesOf, Shape } from './shape.ts';
import {
  allocated,
  cutShort,
  foreignFile,
  notAPoolFile,
  systemError,
  thrownBySystem,
  tooLarge,
} from './system-error.ts';

/**
 * How a pool is opened: `append` to it, `edit` it, `create` it if it is missing and edit it, `read` it, or
 * `follow` a link and read what is there. `append` creates a missing pool too.
 */
export type Access = keyof typeof FLAGS;

// NOFOLLOW: a link planted in the folder must not lead root elsewhere; NONBLOCK: a FIFO must not hang.
const FLAGS = {
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
  edit: constants.O_RDWR | constants.O_NOFOLLOW,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
  read: constants.O_RDONLY | constants.O_NOFOLLOW,
  follow: constants.O_RDONLY,
} as const;

/** Bytes of one read where the length is not known. */
const PART = 64 * 1024;

type Callback<R> = (error: NodeJS.ErrnoException | null, result: R) => void;

/** A function of `node:fs` in both of its forms. Throws `IoError`. */
function* systemCall<R>(name: string, path: string, ...args: unknown[]): Op<R> {
  const calls = fs as unknown as Record<string, (...args: unknown[]) => unknown>;
  try {
    return yield* call(
      () => calls[`${name}Sync`]?.(...args) as R,
      () =>
        new Promise<R>((resolve, reject) => {
          const done: Callback<R> = (error, result) => (error === null ? resolve(result) : reject(error));
          calls[name]?.(...args, done);
        }),
    );
  } catch (thrown) {
    throw thrownBySystem(name, path, thrown);
  }
}

/** An open file of a pool. All operations throw `IoError`. */
export class PoolFile {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens a regular file. Throws `NotAPoolFileError` for anything else. */
  static *open(path: string, access: Access): Op<{ file: PoolFile; stat: Stats }> {
    const flags = FLAGS[access] | constants.O_NONBLOCK | constants.O_NOCTTY;
    const file = new PoolFile(path, yield* systemCall<number>('open', path, path, flags, 0o600));
    let stat: Stats | undefined;
    try {
      stat = yield* file.stat();
      if (!stat.isFile()) throw notAPoolFile(path, kindOf(stat));
      return { file, stat };
    } catch (thrown) {
      yield* file.close();
      throw thrown;
    }
  }

  /**
   * Reads something that has neither locks nor a length, to its end. Throws `MalformedPoolError` if it is
   * too long.
   */
  static *readToEnd(path: string): Op<Buffer> {
    const fd = yield* systemCall<number>('open', path, path, constants.O_RDONLY | constants.O_NOCTTY);
    const part = Buffer.allocUnsafe(PART);
    const parts: Buffer[] = [];
    let size = 0;
    try {
      for (;;) {
        const count = yield* systemCall<number>('read', path, fd, part, 0, PART, null);
        if (count === 0) return allocated(path, 'the contents', size, () => Buffer.concat(parts, size));
        size += count;
        if (size > READ_MAX) throw tooLarge(path, size, READ_MAX);
        const read = part.subarray(0, count);
        parts.push(allocated(path, 'the contents', count, () => Buffer.from(read)));
      }
    } finally {
      yield* new PoolFile(path, fd).close();
    }
  }

  stat(): Op<Stats> {
    return systemCall('fstat', this.path, this.#fd);
  }

  /** Fills `bytes` from `offset` on, or up to the end of the file; returns how many bytes it read. */
  *read(bytes: Buffer, offset: number): Op<number> {
    let read = 0;
    while (read < bytes.length) {
      const rest = bytes.length - read;
      const count = yield* systemCall<number>('read', this.path, this.#fd, bytes, read, rest, offset + read);
      if (count === 0) break;
      read += count;
    }
    return read;
  }

  /**
   * Checks that the bytes from `from` to `size` look like those of a pool; before `from` there are records.
   * Returns `false` if another process cut the file meanwhile. Throws `NotAPoolFileError`.
   */
  *checkShape(from: number, size: number): Op<boolean> {
    const shape = new Shape(from > 0);
    const record = Buffer.allocUnsafe(RECORD_SIZE);
    for (const { at, length } of placesOf(from, size)) {
      const piece = record.subarray(0, length);
      if ((yield* this.read(piece, at)) < length) return false;
      if (!shape.admits(piece)) throw foreignFile(this.path, at);
    }
    if (size > 0 && !shape.isKnown) throw foreignFile(this.path, 0);
    return true;
  }

  /** Whether the path leads to this file, of which `stat` is known. Where the system does not say, it still does. */
  *isInPlace(stat: Stats): Op<boolean> {
    try {
      return isSame(yield* systemCall<Stats>('lstat', this.path, this.path), stat);
    } catch (error) {
      return !leadsNowhere(error);
    }
  }

  /**
   * Appends to the file, which ends at `start`, by one write. Where that is short the rest is tried, which says why, or
   * `takeBack` undoes what was written.
   */
  *append(bytes: Buffer, start: number, takeBack: (written: number) => Op<boolean>): Op<void> {
    let written = 0;
    while (written < bytes.length) {
      let failure: KvpError;
      try {
        const rest = bytes.subarray(written);
        const count = yield* systemCall<number>('write', this.path, this.#fd, rest);
        written += count;
        if (written === bytes.length) return;
        if (count > 0 && (yield* this.stat()).size !== start + written) throw cutShort(this.path, written);
        if (count > 0) continue;
        failure = systemError('write', this.path, errnoOf('ENOSPC'));
      } catch (error) {
        if (written === 0 || error instanceof CutShortError) throw error;
        failure = error as KvpError;
      }
      throw (yield* takeBack(written)) ? failure : cutShort(this.path, written);
    }
  }

  /** Overwrites the bytes at `offset`. */
  *writeOver(bytes: Buffer, offset: number): Op<void> {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.length - written;
      const args = [this.#fd, bytes, written, rest, offset + written];
      const count = yield* systemCall<number>('write', this.path, ...args);
      if (count === 0) throw systemError('write', this.path, errnoOf('ENOSPC'));
      written += count;
    }
  }

  truncate(size: number): Op<void> {
    return systemCall('ftruncate', this.path, this.#fd, size);
  }

  /**
   * Closes the file. Never throws: the descriptor and its locks are gone in any case, and nothing could be
   * undone.
   */
  *close(): Op<void> {
    try {
      yield* systemCall('close', this.path, this.#fd);
    } catch {
      // The native core ignores it too.
    }
  }

  /**
   * Takes `flock` without waiting; `false` if another process holds it. The program of that name locks the
   * descriptor that it inherits. Both descriptors are one open file, so closing ours releases the lock.
   * Throws `NoLockError`.
   */
  *lock(): Op<boolean> {
    // Only who locks needs it: loading it takes a tenth of the time in which Node.js starts.
    const { spawn, spawnSync } = process.getBuiltinModule('node:child_process');
    const program = ['flock', ['-x', '-n', '3']] as const;
    const options = { stdio: ['ignore', 'ignore', 'ignore', this.#fd] as ('ignore' | number)[] };
    let ended: Ended;
    try {
      ended = yield* call(
        () => {
          const { status, signal, error } = spawnSync(...program, options);
          if (error !== undefined) throw error;
          return { status, signal };
        },
        () =>
          new Promise<Ended>((resolve, reject) => {
            suppressTracing(() => spawn(...program, options))
              .once('error', reject)
              .once('exit', (status, signal) => resolve({ status, signal }));
          }),
      );
    } catch (cause) {
      throw this.#noLock(whyNotRun(cause), cause);
    }
    const { status, signal } = ended;
    // 1 means that another process holds it. Who ends the program, as a terminal or a lack of memory does, says nothing.
    if (status === 0 || status === 1 || (status === null && !CRASHES.has(signal))) return status === 0;
    throw this.#noLock(status === null ? `the program flock was ended by ${signal}` : failedBy(status));
  }

  #noLock(why: string, cause?: unknown): NoLockError {
    const { path } = this;
    return new NoLockError('ERR_KVP_NO_LOCK', `cutting a pool needs a lock and ${why}`, { path, cause });
  }
}

/** What ends a program that can't run here. */
const CRASHES: ReadonlySet<string | null> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
]);

/** How a program ended. */
interface Ended {
  status: number | null;
  signal: string | null;
}

function whyNotRun(thrown: unknown): string {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'the program flock can not be run (Debian: apt-get install util-linux)';
  return `the program flock can not be run: ${messageOf(thrown)}`;
}

/** The statuses of EX_DATAERR, EX_UNAVAILABLE and EX_OSERR, with which flock ends where a lock is refused. */
const NO_LOCKS: ReadonlySet<number> = new Set([65, 69, 71]);

/** What an exit status of flock says (util-linux sys-utils/flock.c, sysexits.h). */
function failedBy(status: number): string {
  const why = NO_LOCKS.has(status) ? '; the file system may have no locks' : '';
  return `the program flock failed with status ${status}${why}`;
}

/**
 * The metadata of a regular file, `undefined` if there is nothing at the path. Throws `IoError`, and
 * `NotAPoolFileError` for anything else, also for a link unless it `follows` links.
 */
export function* statOf(path: string, follows: boolean): Op<Stats | undefined> {
  let stat: Stats;
  try {
    stat = yield* systemCall<Stats>(follows ? 'stat' : 'lstat', path, path);
  } catch (error) {
    if ((error as KvpError).errno === errnoOf('ENOENT')) return undefined;
    throw error;
  }
  if (!stat.isFile()) throw notAPoolFile(path, kindOf(stat));
  return stat;
}

/** Whether a file was last changed before then, in whole seconds since 1970, as the native core compares them. */
export function isOlder({ mtimeMs }: Stats, seconds: number): boolean {
  return Math.floor(mtimeMs / 1000) < seconds;
}

/** Whether a path leads to something other than a regular file. Does not open it. */
export function* isIrregular(path: string): Op<boolean> {
  try {
    yield* statOf(path, true);
    return false;
  } catch (error) {
    return error instanceof NotAPoolFileError;
  }
}

function kindOf(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isSocket()) return 'a socket';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isCharacterDevice()) return 'a character device';
  return stat.isBlockDevice() ? 'a block device' : 'no regular file';
}
