import { ReportError, ValueTooLongError } from '../../errors.ts';
import { SAFE_VALUE } from '../../pool/limits.ts';
import { Fields } from '../../tracing/fields.ts';
import { textOf } from '../../tracing/value.ts';
import { cutBytes } from '../write/legal-name.ts';

/** The key of a provisioning report. */
export const REPORT_KEY = 'PROVISIONING_REPORT';

/** A provisioning report: texts by their names in it, in its order; has no prototype. */
export interface Report {
  /** `success` or `error`. */
  readonly result?: string;
  /** Why it failed. */
  readonly reason?: string;
  /** Who reported, `name/version`. */
  readonly agent?: string;
  /** How the VM was preprovisioned: `None`, `PreprovisionedOSDisk`, `Running`, `Savable` or `Unknown`. */
  readonly pps_type?: string;
  /** The VM's id. */
  readonly vm_id?: string;
  /** When it was reported, RFC 3339. */
  readonly timestamp?: string;
  /** The URL of a page that says what to do about a failure. */
  readonly documentation_url?: string;
  /** Further details. */
  readonly [extra: string]: string | undefined;
}

/** A report that was read. `truncated` hides an extra of this name. */
export type ParsedReport = Report & {
  /** Whether its text was cut, as cloud-init cuts it at 1,023 characters: fields are missing then; not enumerable. */
  readonly truncated: boolean;
};

/** A report in a pool. `records` and `text` hide extras of these names. */
export type ReportRecord = ParsedReport & {
  /** The numbers of its records in the pool, from 0; not enumerable. */
  readonly records: number[];
  /** The text of the report; not enumerable. */
  readonly text: string;
};

/** Further details of a report by name; values become texts, `undefined` is left out. */
export type ReportExtras = Readonly<Record<string, unknown>>;

/** A report that was made to fit a record, and what was left out for that. */
export interface FittedReport {
  readonly text: string;
  /** The names of what was left out. */
  readonly refused: string[];
  /** Whether the reason was shortened. */
  readonly isShortened: boolean;
}

type Result = 'success' | 'error';

// The order of fields in azure-init's libazureinit/src/error.rs and health.rs, and in cloud-init's
// cloudinit/sources/azure/errors.py. Extras come between the two lists.
const BEFORE: Record<Result, readonly string[]> = {
  success: ['result', 'agent', 'pps_type', 'vm_id', 'timestamp'],
  error: ['result', 'reason', 'agent'],
};
const BEHIND: Record<Result, readonly string[]> = {
  success: ['documentation_url'],
  error: ['pps_type', 'vm_id', 'timestamp', 'documentation_url'],
};
/** The names of fields; all other names are extras. */
const REPORT_FIELDS: ReadonlySet<string> = new Set([...BEFORE.error, ...BEHIND.error]);

/** Whether a report has a field of this name by itself; all other names are those of extras. */
export function isReportField(name: string): boolean {
  return REPORT_FIELDS.has(name);
}
/** Fields that no extra can set. */
const RESERVED = new Set(['result', 'reason', 'timestamp']);
/** How a VM was preprovisioned: the names of cloud-init's `PPSType`. */
const PPS_TYPES = new Set(['None', 'PreprovisionedOSDisk', 'Running', 'Savable', 'Unknown']);

/** Characters that cloud-init leaves of a longer value (`write_key` of cloudinit/reporting/handlers.py). */
const CUT_LENGTH = 1023;

/** Bytes of a reason that are always kept. */
const REASON_MIN = 64;

/**
 * The text of a report, at most 1,022 bytes. To make it fit, first the reason is shortened, then extras are left
 * out from the last to the first, then the `documentation_url`. Throws `ReportError` for a `result` that is neither
 * `success` nor `error`, and `ValueTooLongError` if the rest does not fit either.
 *
 * @example
 * ```ts
 * const text = formatReport({ result: 'success', agent: 'my-agent/1.0.0', vm_id: vmId(), timestamp: new Date() });
 * ```
 */
export function formatReport(fields: Report | ReportExtras): string {
  const { text } = fitReport(fields);
  const bytes = Buffer.byteLength(text);
  if (bytes > SAFE_VALUE) throw new ValueTooLongError(bytes, SAFE_VALUE);
  return text;
}

/** The same with extras and with what was left out. The text is longer than 1,022 bytes if the rest does not fit. */
export function fitReport(given: ReportExtras, extras = new Fields()): FittedReport {
  const { fields, names, optional, refused } = arrange(given, extras);
  const reason = fields.get('reason');
  const sizeWith = (bytes: number): number =>
    reason === undefined ? 0 : sizeOf('reason', shortened(reason, bytes));
  let room = SAFE_VALUE + 1;
  for (const name of names) if (name !== 'reason') room -= sizeOf(name, fields.get(name));
  // Cutting at a character may leave up to three bytes less.
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
    // An extra replaced the usual agent or VM, which do fit: the report must reach the host.
    const fewer = Fields.all(undefined);
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

/** The text of a report of any length, without fields whose names it can't hold. Throws `ReportError`. */
export function spellReport(given: ReportExtras, extras: Fields): string {
  const { fields, names } = arrange(given, extras);
  return spell(fields, names);
}

/** The fields of a report, their names in order, the names of those that may be left out, the first to go last, and what was refused. */
function arrange(given: ReportExtras, extras: Fields) {
  const fields = new Map<string, string>();
  const refused: string[] = [];
  const add = (name: string, value: unknown): void => {
    if (value === undefined) return;
    const legal = cleaned(name);
    if (legal === '' || legal.includes('=')) refused.push(name);
    else fields.set(legal, cleaned(textOf(value)));
  };
  const own = Fields.all(given);
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

/** The bytes that a field takes, with its `|`. */
function sizeOf(name: string, text: string | undefined): number {
  return Buffer.byteLength(quoted(`${name}=${text}`)) + 1;
}

/** Quotes as azure-init does; also a field that starts with `'`, which readers take for cloud-init's quote. */
function quoted(field: string): string {
  return /^'|[|"\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** The longest start of a text in that many bytes that ends between two characters as people see them, with `…`. */
function shortened(text: string, bytes: number): string {
  const start = cutBytes(text.slice(0, bytes), bytes);
  if (start.length === text.length) return text;
  const character = new Intl.Segmenter().segment(text.slice(0, 2 * bytes)).containing(start.length);
  const whole = start.slice(0, character?.index);
  // Such a character may have any length: it is cut if too little were left without it.
  return `${Buffer.byteLength(whole) < REASON_MIN ? start : whole}…`;
}

/** A text that a pool can hold: the host cuts a value at a NUL and stops reading at bytes that are not UTF-8. */
function cleaned(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/**
 * Splits a report into its fields, quoted as azure-init (`"`) or cloud-init (`'`) does; of a repeated name the first
 * value counts. Of a text that was cut within a field, the fields before that are returned. Throws `ReportError`.
 *
 * @example
 * ```ts
 * const { result, reason } = parseReport('result=error|reason=no lease|agent=my-agent/1.0.0');
 * ```
 */
export function parseReport(text: string): ParsedReport {
  if (typeof text !== 'string') throw malformedReport('a report must be a text');
  const line = text.replace(/\r?\n$/, '');
  const mayBeCut = Buffer.byteLength(line) >= SAFE_VALUE;
  let truncated = mayBeCut && Array.from(line).length === CUT_LENGTH;
  const report = Object.create(null) as Record<string, string>;
  for (let start = 0; start <= line.length;) {
    const field = fieldAt(line, start);
    if (field === undefined) throw malformedReport('a quoted field of the report does not end');
    const { text: said, end, isOpen } = field;
    const sign = said.indexOf('=');
    const isLast = end >= line.length;
    if (mayBeCut && start > 0 && (isOpen || (isLast && sign < 0))) {
      truncated = true;
      break;
    }
    if (isOpen) throw malformedReport('a quoted field of the report does not end');
    if (sign <= 0) throw malformedReport('a field of the report is not key=value');
    const name = said.slice(0, sign);
    if (!(name in report)) report[name] = said.slice(sign + 1);
    start = end + 1;
  }
  return Object.defineProperty(report, 'truncated', { value: truncated, enumerable: false }) as ParsedReport;
}

/** The report in the record `index` of a pool. Throws `ReportError`. */
export function readReport(text: string, index: number): ReportRecord {
  return Object.defineProperties(parseReport(text), {
    records: { value: [index], enumerable: false },
    text: { value: text, enumerable: false },
  }) as ReportRecord;
}

/**
 * The field at `start`, and its end: a `|` or the end of the line. A quoted field may still be open there; `undefined`
 * if something else follows its quote.
 */
function fieldAt(line: string, start: number): { text: string; end: number; isOpen: boolean } | undefined {
  const quote = line[start];
  if (quote !== '"' && quote !== "'") {
    const bar = line.indexOf('|', start);
    const end = bar < 0 ? line.length : bar;
    return { text: line.slice(start, end), end, isOpen: false };
  }
  let text = '';
  for (let from = start + 1; ;) {
    const end = line.indexOf(quote, from);
    if (end < 0) return { text, end: line.length, isOpen: true };
    text += line.slice(from, end);
    if (line[end + 1] !== quote) {
      return end + 1 === line.length || line[end + 1] === '|'
        ? { text, end: end + 1, isOpen: false }
        : undefined;
    }
    text += quote;
    from = end + 2;
  }
}

function malformedReport(message: string): ReportError {
  return new ReportError('ERR_KVP_MALFORMED_REPORT', message);
}
