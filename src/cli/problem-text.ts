import type { RecordProblem } from '../diagnostics/diagnostic.ts';

/** How many numbers of records a message lists. */
const LISTED_MAX = 8;

/** `malformed in record 3 of PATH: why`. */
export function problemText({ reason, message, records }: RecordProblem, path: string): string {
  return `${reason} in ${recordsText(records)} of ${path}: ${message}`;
}

/** `record 3`; `records 3, 4`. */
export function recordsText(records: readonly number[]): string {
  const numbers = records.slice(0, LISTED_MAX).join(', ');
  const more = records.length > LISTED_MAX ? ` and ${records.length - LISTED_MAX} more` : '';
  return `record${records.length === 1 ? '' : 's'} ${numbers}${more}`;
}
