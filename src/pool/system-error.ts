import { getSystemErrorMap } from 'node:util';
import { IoError, type KvpError, NotAPoolFileError } from '../errors.ts';

/** What opening a path that leads to no regular file fails with, and what is there then. */
const IRREGULAR = new Map([
  ['ELOOP', 'a symbolic link'],
  ['EISDIR', 'a directory'],
  ['ENXIO', 'a socket'],
]);

/** The error for a refused system call, with the same text on both backends; `errno` is negative, as in Node.js. */
export function systemError(syscall: string, path: string, errno: number, cause?: unknown): KvpError {
  const [name, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error'];
  const irregular = syscall === 'open' ? IRREGULAR.get(name) : undefined;
  if (irregular !== undefined) return notAPoolFile(path, irregular);
  return new IoError('ERR_KVP_IO', `cannot ${syscall} ${path}: ${text} (${name})`, {
    errno,
    syscall,
    path,
    cause,
  });
}

export function notAPoolFile(path: string, found: string): KvpError {
  const message = `${path} is ${found}; a pool is a regular file`;
  return new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', message, { path });
}
