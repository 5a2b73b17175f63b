import type { RecordProblem } from '../diagnostics/diagnostic.ts';

/** How many numbers of records a message lists. */
const LISTED_MAX = 8;

/** `malformed in record 3 of PATH: why`. */
export function problemText({ reason, message, records }: RecordProblem, path: string): string {
  const numbers = records.slice(0, LISTED_MAX).join(', ');
  const more = records.length > LISTED_MAX ? ` and ${records.length - LISTED_MAX} more` : '';
  return `${reason} in record${records.length === 1 ? '' : 's'} ${numbers}${more} of ${path}: ${message}`;
}
