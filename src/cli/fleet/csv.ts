import type { FleetRow } from './row.ts';

const COLUMNS: readonly [name: string, value: (row: FleetRow) => string | number | null | undefined][] = [
  ['path', ({ path }) => path],
  ['outcome', ({ outcome }) => outcome],
  ['reason', ({ reason }) => reason],
  ['seconds', ({ seconds }) => seconds],
  ['slowest_step', ({ slowest }) => slowest?.name],
  ['slowest_agent', ({ slowest }) => slowest?.agent],
  ['slowest_seconds', ({ slowest }) => slowest?.own],
  ['writers', ({ writers }) => writers.join(' ')],
  ['defects', ({ defects }) => defects],
  ['vm_id', ({ vmId }) => vmId],
  ['start', ({ start }) => start],
  ['end', ({ end }) => end],
  ['failed', ({ failed }) => failed],
  ['unfinished', ({ unfinished }) => unfinished],
  ['records', ({ records }) => records],
];

/** The names of the columns, as a line. */
export function csvHeader(): string {
  return lineOf(COLUMNS.map(([name]) => name));
}

/** A row as a line of CSV (RFC 4180). */
export function csvLine(row: FleetRow): string {
  return lineOf(COLUMNS.map(([, value]) => cellOf(value(row) ?? '')));
}

function lineOf(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}

/** What a spreadsheet takes for a formula, also behind blanks and in full width. */
const FORMULA = /^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u;

/** A text from a pool is an attacker's: where it would be a formula, an apostrophe makes it a text. */
function cellOf(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
