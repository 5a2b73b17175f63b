import { types } from 'node:util';
import { ReportError, ValueTooLongError } from '../../errors.ts';
import { SAFE_VALUE } from '../../pool/limits.ts';
import { Fields } from '../../tracing/fields.ts';
import { dateText, errorMessage } from '../../tracing/value.ts';
import { cutBytes } from '../write/legal-name.ts';

/** The key of the record that says how provisioning ended. */
export const REPORT_KEY = 'PROVISIONING_REPORT';

/** A provisioning report: texts by their names on disk, in the order of the text; has no prototype. */
export interface Report {
  /** `success` or `error`. */
  readonly result?: string;
  /** Why it failed. */
  readonly reason?: string;
  /** Whose report it is, `name/version`. */
  readonly agent?: string;
  readonly pps_type?: string;
  readonly vm_id?: string;
  /** RFC 3339. */
  readonly timestamp?: string;
  readonly documentation_url?: string;
  /** What else the program had to say. */
  readonly [extra: string]: string | undefined;
}

/** A report as it lies in a pool; what is not enumerable here wins over extras of such a name. */
export type ReportRecord = Report & {
  /** Which records of the pool it lies in, from 0; not enumerable. */
  readonly records: number[];
  /** The whole report; not enumerable. */
  readonly text: string;
};

/** What is to be reported besides, by name; values become text, `undefined` is left out. */
export type ReportExtras = Readonly<Record<string, unknown>>;

/** A report as it is to be written, and what it lacks for that. */
export interface FittedReport {
  readonly text: string;
  /** The names of what was left out. */
  readonly refused: string[];
  readonly isShortened: boolean;
}

type Result = 'success' | 'error';

// The order of azure-init's libazureinit/src/error.rs and health.rs, and of cloud-init's
// cloudinit/sources/azure/errors.py; extras lie in between.
const BEFORE: Record<Result, readonly string[]> = {
  success: ['result', 'agent', 'pps_type', 'vm_id', 'timestamp'],
  error: ['result', 'reason', 'agent'],
};
const BEHIND: Record<Result, readonly string[]> = {
  success: ['documentation_url'],
  error: ['pps_type', 'vm_id', 'timestamp', 'documentation_url'],
};
/** The names of fields; whatever else a report has is extra. */
export const REPORT_FIELDS: ReadonlySet<string> = new Set([...BEFORE.error, ...BEHIND.error]);
/** What no extra can be. */
const RESERVED = new Set(['result', 'reason', 'timestamp']);
/** How a VM was made ready before it was somebody's; the names of cloud-init's `PPSType`. */
const PPS_TYPES = new Set(['None', 'PreprovisionedOSDisk', 'Running', 'Savable', 'Unknown']);

/** So many bytes of a reason always stay. */
const REASON_MIN = 64;

/**
 * The text of a report, at most 1,022 bytes: the reason is shortened if need be, then extras are left out from
 * the last on, then the `documentation_url`. Throws `ReportError` for a `result` that is neither `success` nor
 * `error`, `ValueTooLongError` where even the rest does not fit.
 */
export function formatReport(fields: Report | ReportExtras): string {
  const { text } = fitReport(fields);
  const bytes = Buffer.byteLength(text);
  if (bytes > SAFE_VALUE) throw new ValueTooLongError(bytes, SAFE_VALUE);
  return text;
}

/** The same with extras, and with what was refused; a text that does not fit is longer. */
export function fitReport(given: ReportExtras, extras = new Fields()): FittedReport {
  const { fields, names, optional, refused } = arrange(given, extras);
  const reason = fields.get('reason');
  const sizeWith = (bytes: number): number =>
    reason === undefined ? 0 : sizeOf('reason', shortened(reason, bytes));
  let room = SAFE_VALUE + 1;
  for (const name of names) if (name !== 'reason') room -= sizeOf(name, fields.get(name));
  // A cut falls on a character of at most four bytes.
  let kept = REASON_MIN + 3;
  const least = sizeWith(kept);
  while (least > room) {
    const name = optional.pop();
    if (name === undefined) break;
    names.delete(name);
    refused.push(name);
    room += sizeOf(name, fields.get(name));
  }
  const own = extras.names.findLast((name) => name === 'agent' || name === 'vm_id');
  if (least > room && own !== undefined) {
    // It took the place of a field that fits: a failure must reach the host.
    const fewer = new Fields();
    fewer.merge(extras);
    fewer.take(own);
    const fitted = fitReport(given, fewer);
    return { ...fitted, refused: [own, ...fitted.refused] };
  }
  if (reason !== undefined) {
    for (let most = SAFE_VALUE; kept < most;) {
      const middle = Math.ceil((kept + most) / 2);
      if (sizeWith(middle) <= room) kept = middle;
      else most = middle - 1;
    }
    fields.set('reason', shortened(reason, kept));
  }
  return { text: spell(fields, names), refused, isShortened: fields.get('reason') !== reason };
}

/** The text of a report of any length, without what can't stand in one. Throws `ReportError`. */
export function spellReport(given: ReportExtras, extras: Fields): string {
  const { fields, names } = arrange(given, extras);
  return spell(fields, names);
}

/** The fields of a report, the names as they lie on disk, and of these those that may go, the last first. */
function arrange(given: ReportExtras, extras: Fields) {
  const fields = new Map<string, string>();
  const refused: string[] = [];
  const add = (name: string, value: unknown): void => {
    if (value === undefined) return;
    const legal = cleaned(name);
    if (legal === '' || legal.includes('=')) refused.push(name);
    else fields.set(legal, cleaned(textOf(value)));
  };
  const own = Fields.of(given);
  own.names.forEach((name, index) => add(name, own.values[index]));
  extras.names.forEach((name, index) => {
    if (RESERVED.has(name)) refused.push(name);
    else add(name, extras.values[index]);
  });
  const result = fields.get('result');
  if (result !== 'success' && result !== 'error') {
    const said = result === undefined ? 'none' : JSON.stringify(result.slice(0, REASON_MIN));
    throw malformedReport(`the result of a report must be success or error, not ${said}`);
  }
  if (result === 'success' && fields.delete('reason')) refused.push('reason');
  if (fields.has('pps_type') && !PPS_TYPES.has(fields.get('pps_type') as string)) {
    refused.push('pps_type');
    fields.set('pps_type', 'None');
  }
  const others = [...fields.keys()].filter((name) => !REPORT_FIELDS.has(name));
  const ordered = [...BEFORE[result], ...others, ...BEHIND[result]];
  const names = new Set(ordered.filter((name) => fields.has(name)));
  const optional = ['documentation_url', ...others].filter((name) => names.has(name));
  return { fields, names, optional, refused };
}

function spell(fields: ReadonlyMap<string, string>, names: Iterable<string>): string {
  return Array.from(names, (name) => quoted(`${name}=${fields.get(name)}`)).join('|');
}

/** How many bytes a field takes, with the `|` that sets it apart. */
function sizeOf(name: string, text: string | undefined): number {
  return Buffer.byteLength(quoted(`${name}=${text}`)) + 1;
}

/** As azure-init quotes; what starts with `'` would pass for cloud-init's quoting. */
function quoted(field: string): string {
  return /^'|[|"\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** The longest start of that many bytes that a reader would not find cut in a character, and `…`. */
function shortened(text: string, bytes: number): string {
  const start = cutBytes(text.slice(0, bytes), bytes);
  if (start.length === text.length) return text;
  const character = new Intl.Segmenter().segment(text.slice(0, 2 * bytes)).containing(start.length);
  const whole = start.slice(0, character?.index);
  // What people see as one may be of any length: it is cut where else too little would stay.
  return `${Buffer.byteLength(whole) < REASON_MIN ? start : whole}…`;
}

/** What can stand in a pool: the host cuts at a NUL and stops at what is no UTF-8. */
function cleaned(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** A value as text. */
export function textOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  return types.isDate(value) ? dateText(value) : errorMessage(value);
}

/**
 * Splits a report into its fields, whether azure-init quoted them (`"`) or cloud-init (`'`); a name that is
 * repeated keeps its first value. Throws `ReportError`.
 */
export function parseReport(text: string): Report {
  if (typeof text !== 'string') throw malformedReport('a report must be a text');
  const line = text.replace(/\r?\n$/, '');
  const report = Object.create(null) as Record<string, string>;
  for (let start = 0; start <= line.length;) {
    const field = fieldAt(line, start);
    if (field === undefined) throw malformedReport('a quoted field of the report does not end');
    const sign = field.text.indexOf('=');
    if (sign <= 0) throw malformedReport('a field of the report is not key=value');
    const name = field.text.slice(0, sign);
    if (!(name in report)) report[name] = field.text.slice(sign + 1);
    start = field.end + 1;
  }
  return report;
}

/** The report of a record, the `index`th of its pool. Throws `ReportError`. */
export function readReport(text: string, index: number): ReportRecord {
  return Object.defineProperties(parseReport(text), {
    records: { value: [index], enumerable: false },
    text: { value: text, enumerable: false },
  }) as ReportRecord;
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

function malformedReport(message: string): ReportError {
  return new ReportError('ERR_KVP_MALFORMED_REPORT', message);
}
