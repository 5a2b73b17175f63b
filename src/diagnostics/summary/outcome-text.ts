import { durationText } from '../../format/duration-text.ts';
import type { Summary } from './summary.ts';

/** Why a boot went as it did, what is missing to say so, or how long it took; in the words of the pool, not escaped. */
export function outcomeText(
  { outcome, reason, records, seconds, report, earlier }: Summary,
  path: string,
): string {
  if (reason !== undefined) return reason;
  if (outcome === 'success') return `in ${durationText(seconds)}`;
  if (outcome === 'failure') return 'no reason was given';
  if (records.total === 0) return `there is no record in ${path}`;
  if (report !== undefined) return 'the report has no result';
  if (earlier !== undefined && earlier.records === records.total) return 'nothing was written in this boot';
  if (records.diagnostics === 0) return `no diagnostics in ${path}`;
  return 'there is no report, and no span has a result';
}
