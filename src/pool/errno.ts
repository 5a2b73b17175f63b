import { type KvpError, NoLockError, NotAPoolFileError } from '../errors.ts';

type Name = keyof typeof import('node:os').constants.errno;

/** The number of an error of the system, negative as in Node.js. */
export function errnoOf(name: Name): number {
  // Only a failure needs the numbers.
  return -process.getBuiltinModule('node:os').constants.errno[name];
}

function isOneOf(errno: number | undefined, ...names: Name[]): boolean {
  return names.some((name) => errnoOf(name) === errno);
}

/** Whether an error says that the file or its folder does not exist (yet). */
export function isNotFound(error: unknown): boolean {
  const { syscall, errno } = error as KvpError;
  return syscall === 'open' && errno === errnoOf('ENOENT');
}

/** Whether an error says that there is no pool at a path: nothing, or something else. Others say nothing of what is there. */
export function leadsNowhere(error: unknown): boolean {
  return (
    error instanceof NotAPoolFileError || isOneOf((error as KvpError).errno, 'ENOENT', 'ENOTDIR', 'ELOOP')
  );
}

/**
 * Whether an error says that a pool could not be opened for a reason that passes: a missing folder, a root that
 * is not yet mounted for writing, too many open files, a full disk. What stays is a path that is or leads
 * through something else than it should or is too long, and a process without the right to write there. The counterpart of `Error::is_waited_for`.
 */
export function isWaitedFor(error: unknown): boolean {
  const { syscall, errno } = error as KvpError;
  const stays = isOneOf(errno, 'EACCES', 'EPERM', 'ENAMETOOLONG', 'ENOTDIR');
  return syscall === 'open' && errno !== undefined && !stays;
}

/** Whether an error says that a pool could not be opened. */
export function isOfOpening(error: unknown): boolean {
  return (error as KvpError).syscall === 'open' || error instanceof NotAPoolFileError;
}

/** Whether there are no locks here: no program `flock`, or a file system that has none. */
export function hasNoLocks(error: unknown): error is NoLockError {
  if (!(error instanceof NoLockError)) return false;
  const { errno } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return errno === undefined || errno === errnoOf('ENOENT');
}
