import { getSystemErrorMap } from 'node:util';
import {
  CutShortError,
  IoError,
  KvpError,
  LockTimeoutError,
  MalformedPoolError,
  messageOf,
  NoMemoryError,
  NotAPoolFileError,
  PoolFullError,
} from '../errors.ts';
import { TORN_AFTER } from './attempt.ts';

/** The codes with which opening a path fails if it is not a regular file, and what it is instead. */
const IRREGULAR = new Map([
  ['ELOOP', 'a symbolic link'],
  ['EISDIR', 'a directory'],
  ['ENXIO', 'a socket'],
]);

function nameOf(errno: number): string {
  return getSystemErrorMap().get(errno)?.[0] ?? `errno ${-errno}`;
}

/** What a negative number of the operating system means: `no such file or directory (ENOENT)`. */
export function errnoText(errno: number): string {
  return `${getSystemErrorMap().get(errno)?.[1] ?? 'unknown error'} (${nameOf(errno)})`;
}

/**
 * The error for a system call that failed, with the same text on both backends. `errno` is negative, as in
 * Node.js.
 */
export function systemError(syscall: string, path: string, errno: number, cause?: unknown): KvpError {
  const name = nameOf(errno);
  // A folder is opened for reading, and refuses the read.
  const irregular = syscall === 'open' || name === 'EISDIR' ? IRREGULAR.get(name) : undefined;
  if (irregular !== undefined) return notAPoolFile(path, irregular);
  return ioError(syscall, path, errno, cause);
}

function ioError(syscall: string, path: string, errno: number, cause: unknown): IoError {
  const message = `cannot ${syscall} ${path}: ${errnoText(errno)}`;
  return new IoError('ERR_KVP_IO', message, { errno, syscall, path, cause });
}

/** The error for what a function of `node:fs` threw, which need not come from a system call. */
export function thrownBySystem(syscall: string, path: string, thrown: unknown): KvpError {
  if (thrown instanceof KvpError) return thrown;
  const { errno } = thrown as NodeJS.ErrnoException;
  return typeof errno === 'number'
    ? systemError(syscall, path, errno, thrown)
    : fileError(syscall, path, thrown);
}

/** The same on a file that is not meant to be a pool. */
export function fileError(syscall: string, path: string, thrown: unknown): KvpError {
  if (thrown instanceof KvpError) return thrown;
  const { errno } = thrown as NodeJS.ErrnoException;
  if (typeof errno === 'number') return ioError(syscall, path, errno, thrown);
  const message = `cannot ${syscall} ${path}: ${messageOf(thrown)}`;
  return new IoError('ERR_KVP_IO', message, { syscall, path, cause: thrown });
}

export function notAPoolFile(path: string, found: string): KvpError {
  const message = `${path} is ${found}; a pool is a regular file. Give the path of one`;
  return new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', message, { path });
}

/** The error for a regular file that holds something other than records, at the offset `at`. */
export function foreignFile(path: string, at: number): KvpError {
  const message = `${path} is no pool: there is no record at byte ${at}; nothing in it was changed. Give another path, or move the file away`;
  return new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', message, { path });
}

/** For an operation that waited so many milliseconds for a lock. */
export function lockTimedOut(path: string, waited: number): KvpError {
  const message = `another process kept ${path} locked for ${Math.round(waited)} ms (lockTimeout). Try again or raise it; kvp doctor says who holds the lock`;
  return new LockTimeoutError('ERR_KVP_LOCK_TIMEOUT', message, { path });
}

/** For an operation that waited so many milliseconds for the end of a file. */
export function neverSettled(path: string, waited: number): KvpError {
  const within = `${Math.round(waited)} ms (lockTimeout). Try again or raise it`;
  const message = `${path} ends in the middle of a record and did not stay as it was for ${TORN_AFTER} ms within ${within}`;
  return new MalformedPoolError('ERR_KVP_MALFORMED_POOL', message, { path });
}

export function cutShort(path: string, written: number): KvpError {
  const message = `a write to ${path} stopped after ${written} bytes and could not be rolled back; kvp repair mends the pool`;
  return new CutShortError('ERR_KVP_IO', message, { path });
}

/** For a defect of a writer, which goes on. */
export function panicked(path: string, thrown: unknown): KvpError {
  const message = `the writer of ${path} panicked: ${messageOf(thrown)}; this is a defect of kvp-tracing, please report it`;
  return new KvpError('ERR_KVP_PANIC', message, { path, cause: thrown });
}

export function poolFull(path: string, keys: number, limit: number): KvpError {
  const message = `${path} has ${keys} different keys; the limit is ${limit}; delete keys, or raise the limit (maxKeys)`;
  return new PoolFullError('ERR_KVP_POOL_FULL', message, { path });
}

export function tooLarge(path: string, size: number, limit: number): KvpError {
  const message = `${path} has ${size} bytes; a pool has at most ${limit}. Give another path, or move the file away`;
  return new MalformedPoolError('ERR_KVP_MALFORMED_POOL', message, { path });
}

/** What memory is asked for, and what to do when it is refused. */
const REMEDIES = { 'the contents': 'empty the pool', 'the records': 'give fewer at once' } as const;

/**
 * What `allocate` makes; where the memory for it is refused, the error of the native core. The lengths that
 * a program may ask for at all end where the memory does, for all that it is told.
 */
export function allocated<R>(
  path: string,
  purpose: keyof typeof REMEDIES,
  bytes: number | (() => number),
  allocate: () => R,
): R {
  try {
    return allocate();
  } catch (cause) {
    if (!(cause instanceof RangeError) || cause.message.includes('call stack')) throw cause;
    const count = typeof bytes === 'number' ? bytes : bytes();
    const message = `${count} bytes of memory for ${purpose} of ${path} were refused; ${REMEDIES[purpose]}, or raise the memory limit of the process`;
    throw new NoMemoryError('ERR_KVP_NO_MEMORY', message, { path, cause });
  }
}
