import type { PoolRecord } from '../pool/record.ts';
import { malformed } from './diag.ts';
import type { Refusal } from './diagnostic.ts';

/** A provisioning report as it lies in the pool. */
export interface ReportRecord {
  key: string;
  value: string;
  /** Which record of the pool, from 0. */
  record: number;
  /** Names and values in the order of the report, where supporting data may repeat a name. */
  fields: [name: string, value: string][];
}

/** The key of the record that says how provisioning ended. */
export const REPORT_KEY = 'PROVISIONING_REPORT';

/** Splits a report into its fields; azure-init quotes with `"`, cloud-init with `'`, doubled inside. */
export function readReport({ key, value }: PoolRecord, record: number): ReportRecord | Refusal {
  const fields: ReportRecord['fields'] = [];
  for (let start = 0; start <= value.length;) {
    const field = fieldAt(value, start);
    if (field === undefined) return malformed('a quoted field of the report does not end');
    const sign = field.text.indexOf('=');
    if (sign <= 0) return malformed('a field of the report is not key=value');
    fields.push([field.text.slice(0, sign), field.text.slice(sign + 1)]);
    start = field.end + 1;
  }
  return { key, value, record, fields };
}

/** The field that starts there, and where it ends: at a `|` or at the end of the line. */
function fieldAt(line: string, start: number): { text: string; end: number } | undefined {
  const quote = line[start];
  if (quote !== '"' && quote !== "'") {
    const bar = line.indexOf('|', start);
    const end = bar < 0 ? line.length : bar;
    return { text: line.slice(start, end), end };
  }
  let text = '';
  for (let from = start + 1; ;) {
    const end = line.indexOf(quote, from);
    if (end < 0) return undefined;
    text += line.slice(from, end);
    if (line[end + 1] !== quote) {
      return end + 1 === line.length || line[end + 1] === '|' ? { text, end: end + 1 } : undefined;
    }
    text += quote;
    from = end + 2;
  }
}
