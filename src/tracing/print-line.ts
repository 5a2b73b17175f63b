import { writeSync } from 'node:fs';
import { printable } from '../printable.ts';
import { isJournal, withPriority } from './journal.ts';
import { openNonblocking } from './open-nonblocking.ts';

let stderr: { fd: number; isJournal: boolean } | undefined;

/**
 * Prints a line of the package's own on stderr. Whatever is in the text, it stays one line of printable characters. The line is lost where nobody reads it: it must neither block nor
 * end the program.
 */
export function printLine(text: string): void {
  try {
    stderr ??= { fd: openNonblocking(2), isJournal: isJournal() };
    const line = `kvp-tracing: ${printable(text)}\n`;
    writeSync(stderr.fd, stderr.isJournal ? withPriority(2, line) : line);
  } catch {
    // The reader is gone or does not read.
  }
}
