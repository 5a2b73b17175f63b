import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { printable } from '../printable.ts';

/**
 * A descriptor for the same output whose writes never wait: a pipe or terminal is opened once more for that,
 * because the open file that we share with others must stay as it is. A file never blocks, and must not be
 * opened again: two positions would overwrite each other.
 */
export function openWithoutBlocking(fd: number): number {
  try {
    // As numbers, what a pipe is stays behind in Node.js 20: its next `realpathSync` takes folders for pipes, and
    // resolves packages that are links to the wrong place.
    const stat = fstatSync(fd, { bigint: true });
    if (stat.isFIFO() || stat.isCharacterDevice()) {
      const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      return openSync(`/proc/self/fd/${fd}`, flags);
    }
    // A socket, as systemd's, can't be opened again; this makes Node.js use it without blocking.
    if (stat.isSocket() && fd === 2) return process.stderr.fd;
    if (stat.isSocket() && fd === 1) return process.stdout.fd;
    return fd;
  } catch {
    return fd;
  }
}

/** Whether stderr goes to systemd's journal: `JOURNAL_STREAM` has the device and inode of what it is connected to. */
export function isJournal(): boolean {
  const stream = process.env['JOURNAL_STREAM'];
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** Of verbosities: what the journal takes as a line's priority, as syslog's `err`, `warning`, `info` and `debug`. */
const PRIORITIES = ['', '<3>', '<4>', '<6>', '<7>', '<7>'] as const;

/** The text with the priority in front of each of its lines. */
export function withPriority(verbosity: number, text: string): string {
  const priority = PRIORITIES[verbosity] ?? '';
  return priority + text.replace(/\n(?=[^\n])/g, `\n${priority}`);
}

let own: { fd: number; isJournal: boolean } | undefined;

/** A line of the package's own on stderr, whatever is in the text; lost where nobody takes it, for it must neither hold nor end the program. */
export function printLine(text: string): void {
  try {
    own ??= { fd: openWithoutBlocking(2), isJournal: isJournal() };
    const line = `kvp-tracing: ${printable(text)}\n`;
    writeSync(own.fd, own.isJournal ? withPriority(2, line) : line);
  } catch {
    // A reader that is gone or does not read.
  }
}
