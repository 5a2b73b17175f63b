import { cutText, dateText, errorMessage, inspectLine, isError } from '../tracing/value.ts';

/** What can't be seen: controls, separators, formats, what is unassigned or private. */
const UNSEEN = '\\p{Cc}\\p{Cf}\\p{Cn}\\p{Co}\\p{Zl}\\p{Zp}\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000';
const RAW = new RegExp(`[${UNSEEN}]`, 'gu');
/** Rust's Debug escapes what changes the character before, too. */
const QUOTED = new RegExp(`["\\\\\\p{Grapheme_Extend}${UNSEEN}]`, 'gu');
/** What would break a line, the terminal, or the order in which the rest of the line is shown. */
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;
const SHORT = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\0', '\\0'],
]);
/** Longer texts are looked at by regular expressions; of shorter ones a loop knows more quickly that they are plain. */
const SHORT_LENGTH = 64;
const NOT_PLAIN = /[^ !#-[\]-~]/;
const NOT_ASCII = /[^ -~]/;

function unicodeEscape(character: string): string {
  return SHORT.get(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** As tracing-subscriber spells controls in messages, and line breaks, which it leaves, as Debug does. */
function harmlessEscape(character: string): string {
  const code = character.charCodeAt(0);
  if (code > 0x7f || SHORT.has(character)) return unicodeEscape(character);
  return `\\x${code.toString(16).padStart(2, '0')}`;
}

/** A text in quotes, escaped as Rust's Debug does. */
export function debugQuoted(text: string): string {
  return isPlain(text) ? `"${text}"` : `"${cutText(text).replace(QUOTED, unicodeEscape)}"`;
}

/** A text as it is, but for what can't be seen; for what is read out of a pool. */
export function escapeInvisible(text: string): string {
  return isAscii(text) ? text : cutText(text).replace(RAW, unicodeEscape);
}

/** A text of the program as lines show it without quotes: as it is, but for what would break the line or the terminal. */
export function escapeControls(text: string): string {
  return isAscii(text) ? text : cutText(text).replace(HARMFUL, harmlessEscape);
}

/** Whether a text is short and has but printable ASCII without quotes and backslashes. */
function isPlain(text: string): boolean {
  const { length } = text;
  if (length > SHORT_LENGTH) return length < 1024 && !NOT_PLAIN.test(text);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false;
  }
  return true;
}

function isAscii(text: string): boolean {
  const { length } = text;
  if (length > SHORT_LENGTH) return length < 1024 && !NOT_ASCII.test(text);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e) return false;
  }
  return true;
}

/** A duration as a field's value. */
export class Duration {
  readonly #milliseconds: number;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** As tracing-subscriber prints it: three digits and a unit, `72.0µs`. */
  toString(): string {
    let amount = this.#milliseconds * 1e6;
    for (const unit of ['ns', 'µs', 'ms']) {
      if (amount < 10) return `${amount.toFixed(2)}${unit}`;
      if (amount < 100) return `${amount.toFixed(1)}${unit}`;
      if (amount < 1000) return `${amount.toFixed(0)}${unit}`;
      amount /= 1000;
    }
    return `${amount.toFixed(amount < 10 ? 2 : amount < 100 ? 1 : 0)}s`;
  }
}

/** A text without anything that needs quotes, as a field's value: it gets none. */
export class Unquoted {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** A field's value as lines show it. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return debugQuoted(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean' || typeof value === 'bigint' || value === null) return String(value);
  try {
    if (isError(value)) return escapeControls(errorMessage(value));
    if (value instanceof Duration || value instanceof Unquoted) return value.toString();
    if (value instanceof Date) return dateText(value);
  } catch {
    // A hostile prototype; inspecting it is safe.
  }
  return escapeControls(inspectLine(value));
}

/** A number as Rust's Debug prints it, but without a point where it is whole. */
function numberText(value: number): string {
  const size = Math.abs(value);
  if (size < 1e16 && (size >= 1e-4 || size === 0)) return String(value);
  if (Number.isFinite(value)) return value.toExponential().replace('+', '');
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
}
