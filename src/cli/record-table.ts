import { escapeInvisible } from '../format/value-text.ts';
import type { PoolRecord } from '../pool/record.ts';
import { outputWidth } from './output.ts';
import { table } from './table.ts';

/** Records as a table that fits the terminal. */
export function recordTable(records: readonly PoolRecord[]): string {
  if (records.length === 0) return '';
  const rows = records.map(({ key, value }) => [escapeInvisible(key), escapeInvisible(value)]);
  return table([{ title: 'KEY' }, { title: 'VALUE' }], rows, outputWidth());
}
