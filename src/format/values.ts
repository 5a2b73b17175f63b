import type { Fields } from '../tracing/fields.ts';
import { causesOf, cutText, errorMessage, inspectLine, isError } from '../tracing/value.ts';

/** Characters that Rust's Debug escapes: controls, separators, formats, what is unassigned or private. */
const UNPRINTABLE =
  /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/u;
const QUOTED = new RegExp(`["\\\\]|${UNPRINTABLE.source}`, 'gu');
const RAW = new RegExp(UNPRINTABLE.source, 'gu');
const PLAIN = /^[ !#-[\]-~]*$/;
const SHORT = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\0', '\\0'],
]);

function escapeCharacter(character: string): string {
  return SHORT.get(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A text in quotes, escaped as Rust's Debug does. */
export function quoted(text: string): string {
  if (PLAIN.test(text)) return text.length * 3 > 1024 ? `"${cutText(text)}"` : `"${text}"`;
  return `"${cutText(text).replace(QUOTED, escapeCharacter)}"`;
}

/** A text as it is, but for what would break the line or the terminal. */
export function raw(text: string): string {
  if (text.length < 1024 && PLAIN.test(text)) return text;
  return cutText(text).replace(RAW, escapeCharacter);
}

/** ` name=value` for each field; `separator` stands between them. */
export function fieldsText(fields: Fields, separator = ' '): string {
  let text = '';
  const { names, values } = fields;
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    if (text !== '') text += separator;
    const name = raw(names[i] as string);
    text += `${name}=${valueText(value)}`;
    if (isError(value)) text += sourcesText(name, value, separator);
  }
  return text;
}

function sourcesText(name: string, error: Error, separator: string): string {
  try {
    const causes = causesOf(error);
    return causes.length === 0 ? '' : `${separator}${name}.sources=[${causes.map(raw).join(', ')}]`;
  } catch {
    return '';
  }
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean' || typeof value === 'bigint' || value === null) return String(value);
  try {
    if (isError(value)) return raw(errorMessage(value));
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  } catch {
    // A hostile prototype; inspecting it is safe.
  }
  return raw(inspectLine(value));
}

/** A number; infinities as Rust prints them. */
function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? 'inf' : '-inf';
}

/** A duration in milliseconds as tracing-subscriber prints it: three digits and a unit, `72.0µs`. */
export function durationText(milliseconds: number): string {
  let amount = milliseconds * 1e6;
  for (const unit of ['ns', 'µs', 'ms', 's']) {
    if (amount < 10) return `${amount.toFixed(2)}${unit}`;
    if (amount < 100) return `${amount.toFixed(1)}${unit}`;
    if (amount < 1000 || unit === 's') return `${amount.toFixed(0)}${unit}`;
    amount /= 1000;
  }
  return '';
}
