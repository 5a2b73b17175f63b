import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/**
 * A descriptor of stderr whose writes never wait: a pipe or terminal is opened once more for that, because
 * the open file that we share with others must stay as it is. A file never blocks, and must not be opened
 * again: two positions would overwrite each other.
 */
export function openStderr(): number {
  try {
    const stat = fstatSync(2);
    if (stat.isFIFO() || stat.isCharacterDevice()) {
      return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    }
    // A socket, as systemd's, can't be opened again; this makes Node.js use it without blocking.
    return stat.isSocket() ? process.stderr.fd : 2;
  } catch {
    return 2;
  }
}

let own: number | undefined;

/** A line of the package's own on stderr; lost where nobody takes it, for it must neither hold nor end the program. */
export function printLine(text: string): void {
  try {
    own ??= openStderr();
    writeSync(own, `kvp-tracing: ${text}\n`);
  } catch {
    // A reader that is gone or does not read.
  }
}
