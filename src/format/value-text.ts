import { isError } from '../errors.ts';
import { HARMFUL, harmlessEscape, INVISIBLE_CLASS, SHORT_ESCAPES, withoutInvisible } from '../printable.ts';
import { cutText, dateText, errorMessage, inspectLine } from '../tracing/value.ts';
import { Date } from '../tracing/timers.ts';

/** What Rust's Debug escapes; also characters that change the one before them. */
const DEBUG_ESCAPED_CLASS = `["\\\\\\p{Grapheme_Extend}${INVISIBLE_CLASS}]`;
let debugEscaped: RegExp | undefined;
const DEBUG_ESCAPES = new Map([...SHORT_ESCAPES, ['"', '\\"'], ['\\', '\\\\']]);
/** Up to this length, in UTF-16 units, a loop finds out sooner than a regular expression that a text is plain. */
const SHORT_LENGTH = 64;
const NOT_PLAIN = /[^ !#-[\]-~]/;
const NOT_ASCII = /[^ -~]/;

function unicodeEscape(character: string): string {
  return DEBUG_ESCAPES.get(character) ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A text in quotes, escaped as Rust's Debug does. */
export function debugQuoted(text: string): string {
  if (isPlain(text)) return `"${text}"`;
  debugEscaped ??= new RegExp(DEBUG_ESCAPED_CLASS, 'gu');
  return `"${cutText(text).replace(debugEscaped, unicodeEscape)}"`;
}

/** The text with characters that can't be seen escaped; for texts from a pool. */
export function escapeInvisible(text: string): string {
  return isAscii(text) ? text : withoutInvisible(cutText(text));
}

/** The text with characters escaped that would harm the line or the terminal; for texts of the program, without quotes. */
export function escapeControls(text: string): string {
  return isAscii(text) ? text : cutText(text).replace(HARMFUL, harmlessEscape);
}

/** Whether a text is short and consists of printable ASCII without quotes and backslashes. */
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

/** A duration, as the value of a field. */
export class Duration {
  readonly #milliseconds: number;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Three digits and a unit, as tracing-subscriber prints it: `72.0µs`. */
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

/** A text that needs no quotes and gets none, as the value of a field. */
export class Unquoted {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** The messages of an error's causes, as the value of a field. */
export class Causes extends Array<string> {
  /** As the causes of an Error are shown. */
  override toString(): string {
    return `[${Array.from(this, escapeControls).join(', ')}]`;
  }
}

/** The value of a field as lines show it. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return debugQuoted(value);
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean' || typeof value === 'bigint' || value === null) return String(value);
  try {
    if (isError(value)) return escapeControls(errorMessage(value));
    if (value instanceof Duration || value instanceof Unquoted || value instanceof Causes) {
      return value.toString();
    }
    if (value instanceof Date) return dateText(value);
  } catch {
    // Its prototype throws; inspecting it is safe.
  }
  return escapeControls(inspectLine(value));
}

/** A number as Rust's Debug prints it; whole numbers without a point. */
function numberText(value: number): string {
  const size = Math.abs(value);
  if (size < 1e16 && (size >= 1e-4 || size === 0)) return String(value);
  if (Number.isFinite(value)) return value.toExponential().replace('+', '');
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
}
