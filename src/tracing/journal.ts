import { fstatSync } from 'node:fs';
import { variable } from './environment.ts';

/** Whether stderr goes to systemd's journal: `JOURNAL_STREAM` has the device and inode of the journal's socket. */
export function isJournal(): boolean {
  const stream = variable('JOURNAL_STREAM');
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(2, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** By verbosity, the prefix that the journal reads as the priority of a line: syslog's `err`, `warning`, `info`, `debug`. */
const PRIORITIES = ['', '<3>', '<4>', '<6>', '<7>', '<7>'] as const;

/** The text with the priority at the start of each line. */
export function withPriority(verbosity: number, text: string): string {
  const priority = PRIORITIES[verbosity] ?? '';
  return priority + text.replace(/\n(?=[^\n])/g, `\n${priority}`);
}
