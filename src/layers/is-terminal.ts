import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** The major number of Linux for `/dev/null` and the like. */
const MEMORY_DEVICES = 1n;

/** Whether a descriptor is a terminal. Only a character device can be one: for a file, a pipe, a socket or `/dev/null` `tty` need not be loaded. */
export function isTerminal(fd: number): boolean {
  try {
    // After a `fstatSync` of a pipe without `bigint` Node.js 20 takes a link in the path of a module that it loads next for
    // no link (`realpathSync` looks at what that call left), and does not find what the module needs. pnpm installs links.
    const stat = fstatSync(fd, { bigint: true });
    return stat.isCharacterDevice() && stat.rdev >> 8n !== MEMORY_DEVICES && isatty(fd);
  } catch {
    return false;
  }
}
