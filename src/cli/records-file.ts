import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { exportIn } from '../diagnostics/read/pool-export.ts';
import { isError } from '../errors.ts';
import { isPool } from '../pool/is-pool.ts';
import { decodeRecords, type PoolRecord } from '../pool/record.ts';
import { fileError } from '../pool/system-error.ts';
import type { GlobalOptions } from './global-options.ts';
import { POOL_FILE } from './input.ts';
import { isTerminal, printNote } from './output.ts';
import { decodeText, parseLines, RecordTextError } from './record-text.ts';
import { readStdin, STDIN } from './stdin.ts';

export interface RecordsFile extends GlobalOptions {
  file?: string;
}

/** Adds `--file`, which `readRecords` reads. */
export function addRecordsFile(command: Command): Command {
  return command.option('--file <PATH>', `key=value lines, ${POOL_FILE}; default: the standard input`);
}

/** The records of `--file`, or else of the standard input. Ends the command for a text that has none. */
export async function readRecords(command: Command, options: RecordsFile): Promise<PoolRecord[]> {
  const { file } = options;
  if (file === undefined && process.stdin.isTTY) {
    printNote('reading key=value lines from the terminal; Ctrl-D ends them', options);
  }
  const bytes = file === undefined ? await readStdin() : contentOf(file);
  if (isPool(bytes)) return decodeRecords(bytes);
  const exported = exportIn(bytes);
  if (exported?.damage !== undefined) command.error(exported.damage);
  if (exported !== undefined) return exported.records;
  try {
    return parseLines(decodeText(file ?? STDIN, bytes));
  } catch (error) {
    if (error instanceof RecordTextError) command.error(error.message);
    throw error;
  }
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw fileError((thrown as NodeJS.ErrnoException).syscall ?? 'read', path, thrown);
  }
}

/** Does something with a list of records. For a script the message of a failure is that of a single record. */
export function withoutRecordNumber(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isTerminal() && isError(error)) error.message = error.message.replace(/ \(record \d+\)$/, '');
    throw error;
  }
}
