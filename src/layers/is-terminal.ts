import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether a descriptor is a terminal. Only a character device can be one: for a file, a pipe or a socket `tty` need not be loaded. */
export function isTerminal(fd: number): boolean {
  try {
    // After a `fstatSync` of a pipe without `bigint` Node.js 20 takes a link in the path of a module that it loads next for
    // no link (`realpathSync` looks at what that call left), and does not find what the module needs. pnpm installs links.
    return fstatSync(fd, { bigint: true }).isCharacterDevice() && isatty(fd);
  } catch {
    return false;
  }
}
