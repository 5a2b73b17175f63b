import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether a descriptor is a terminal. Only a character device can be one: for a file, a pipe or a socket `tty` need not be loaded. */
export function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && isatty(fd);
  } catch {
    return false;
  }
}
