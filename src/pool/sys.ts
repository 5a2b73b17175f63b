import { spawn, spawnSync } from 'node:child_process';
import fs, { constants, type Stats } from 'node:fs';
import { constants as os } from 'node:os';
import { type KvpError, NoLockError, NotAPoolFileError } from '../errors.ts';
import { suppressTracing } from '../tracing/suppress-tracing.ts';
import { READ_MAX } from './limits.ts';
import { call, type Op } from './op.ts';
import { allocated, notAPoolFile, systemError, thrownBySystem, tooLarge } from './system-error.ts';

/** How a pool is opened: for adding at its end, for changing it (and making it), for reading it, for reading where a link leads. */
export type Access = keyof typeof FLAGS;

// NOFOLLOW: a link planted in the folder must not lead root elsewhere; NONBLOCK: a FIFO must not hang.
const FLAGS = {
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
  edit: constants.O_RDWR | constants.O_NOFOLLOW,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
  read: constants.O_RDONLY | constants.O_NOFOLLOW,
  follow: constants.O_RDONLY,
} as const;

/** Bytes asked for at once where there is no telling how many there are. */
const PART = 64 * 1024;

type Callback<R> = (error: NodeJS.ErrnoException | null, result: R) => void;

/** A system call of `node:fs`, by both of its forms; what the system refuses is an `IoError`. */
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

/** A pool's file that is open. All operations throw `IoError`. */
export class PoolFile {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Opens a regular file; throws `NotAPoolFileError` for anything else. */
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

  /** Reads what has neither locks nor a length to its end; throws `MalformedPoolError` where that is too far. */
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

  /** Reads from `offset` on as far as the file goes; says how far. */
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

  /** One append, possibly short. */
  write(bytes: Buffer): Op<number> {
    return systemCall('write', this.path, this.#fd, bytes);
  }

  /** Writes over what is at `offset`. */
  *writeOver(bytes: Buffer, offset: number): Op<void> {
    let written = 0;
    while (written < bytes.length) {
      const rest = bytes.length - written;
      const args = [this.#fd, bytes, written, rest, offset + written];
      const count = yield* systemCall<number>('write', this.path, ...args);
      if (count === 0) throw systemError('write', this.path, -os.errno.ENOSPC);
      written += count;
    }
  }

  truncate(size: number): Op<void> {
    return systemCall('ftruncate', this.path, this.#fd, size);
  }

  /** Never throws: the descriptor and its locks are gone in any case, and it would be too late to undo anything. */
  *close(): Op<void> {
    try {
      yield* systemCall('close', this.path, this.#fd);
    } catch {
      // As in the native core.
    }
  }

  /**
   * Takes `flock` without waiting; `false` when somebody has it. The program of that name locks our
   * descriptor: both are one open file, and closing it gives the lock back. Throws `NoLockError`.
   */
  *lock(): Op<boolean> {
    const program = ['flock', ['-x', '-n', '3']] as const;
    const options = { stdio: ['ignore', 'ignore', 'ignore', this.#fd] as ('ignore' | number)[] };
    try {
      const status = yield* call(
        () => {
          const { status, error } = spawnSync(...program, options);
          if (error !== undefined) throw error;
          return status;
        },
        () =>
          new Promise<number | null>((resolve, reject) => {
            suppressTracing(() => spawn(...program, options))
              .once('error', reject)
              .once('exit', resolve);
          }),
      );
      // 1: somebody has it. More, of sysexits.h: the file system has no locks, say.
      if (status !== null && status > 1) throw new Error(`flock ended with status ${status}`);
      return status === 0;
    } catch (cause) {
      const hint = 'the program flock can not be run (Debian: apt-get install util-linux)';
      throw new NoLockError('ERR_KVP_NO_LOCK', `cutting a pool needs a lock and ${hint}`, {
        path: this.path,
        cause,
      });
    }
  }
}

/**
 * What is at a path, `undefined` where nothing is; a link counts as what it leads to if it is followed. Throws
 * `IoError`, and `NotAPoolFileError` for what is no regular file.
 */
export function* statOf(path: string, follows: boolean): Op<Stats | undefined> {
  let stat: Stats;
  try {
    stat = yield* systemCall<Stats>(follows ? 'stat' : 'lstat', path, path);
  } catch (error) {
    if ((error as KvpError).errno === -os.errno.ENOENT) return undefined;
    throw error;
  }
  if (!stat.isFile()) throw notAPoolFile(path, kindOf(stat));
  return stat;
}

/** Whether a path leads to something else than a regular file, told without opening it. */
export function* isIrregular(path: string): Op<boolean> {
  try {
    yield* statOf(path, true);
    return false;
  } catch (error) {
    return error instanceof NotAPoolFileError;
  }
}

/** Whether an error says that the file or its folder does not exist (yet). */
export function isNotFound(error: unknown): boolean {
  const { syscall, errno } = error as KvpError;
  return syscall === 'open' && errno === -os.errno.ENOENT;
}

function kindOf(stat: Stats): string {
  if (stat.isSymbolicLink()) return 'a symbolic link';
  if (stat.isSocket()) return 'a socket';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isDirectory()) return 'a directory';
  if (stat.isCharacterDevice()) return 'a character device';
  return stat.isBlockDevice() ? 'a block device' : 'no regular file';
}
