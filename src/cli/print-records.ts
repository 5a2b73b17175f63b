import type { PoolRecord } from '../pool/record.ts';
import { escapedOnTerminal, isTerminal, print } from './output.ts';
import { recordLine } from './record-text.ts';

/** Prints records: a line each, or a table on a terminal. */
export async function printRecords(records: readonly PoolRecord[]): Promise<void> {
  if (isTerminal()) return print((await import('./record-table.ts')).recordTable(records));
  const shown = await escapedOnTerminal();
  return print(records.map((record) => recordLine(record, shown)).join(''));
}
