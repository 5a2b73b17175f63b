import { isError } from '../../errors.ts';
import { BoundedCache, flatCopy } from '../../tracing/bounded-cache.ts';
import { digits, threeDigits } from '../../tracing/digits.ts';
import type { Fields } from '../../tracing/fields.ts';
import { causesOf, cutText, errorMessage, inspectLine } from '../../tracing/value.ts';
import { CHARACTERS_MAX, type ValueSink, walkValue } from '../../tracing/walk-value.ts';

/**
 * JSON text: `start`, which ends inside of an object, then the fields as the next members, then `end`. Takes any value.
 * Never throws.
 */
export function fieldsJson(start: string, fields: Fields, end: string): string {
  const { names, values } = fields;
  let json = start;
  let isFirst = start.charCodeAt(start.length - 1) === 0x7b; // {
  // The closing quote of a text is joined with what follows it: joining costs most, so there are few long pieces.
  let afterText = false;
  for (let i = 0; i < names.length; i++) {
    const value = values[i];
    if (value === undefined) continue;
    const name = names[i] as string;
    const opening = openingOf(name);
    const isText = typeof value === 'string' && isSimple(value);
    let piece = isText ? opening.text : opening.value;
    if (afterText) piece = isText ? opening.textAfterText : opening.valueAfterText;
    else if (isFirst) piece = piece.slice(1);
    json += piece;
    if (isText) json += value;
    else {
      json += valueJson(value);
      if (isError(value)) json += sourcesJson(name, value);
    }
    afterText = isText;
    isFirst = false;
  }
  return afterText ? `${json}"${end}` : json + end;
}

/** What stands before a field's value, from the comma on. `…AfterText` begin with the closing quote of the text before. */
interface Opening {
  value: string;
  text: string;
  valueAfterText: string;
  textAfterText: string;
}

const openings = new BoundedCache<Opening>();

function openingOf(name: string): Opening {
  return openings.get(name) ?? openings.add(name, makeOpening);
}

function makeOpening(name: string): Opening {
  const value = flatCopy(`,${quote(name)}:`);
  const text = flatCopy(`${value}"`);
  return { value, text, valueAfterText: flatCopy(`"${value}`), textAfterText: flatCopy(`"${text}`) };
}

function sourcesJson(name: string, error: Error): string {
  try {
    const causes = causesOf(error);
    return causes.length === 0 ? '' : `,${quote(`${name}.sources`)}:[${causes.map(quote).join(',')}]`;
  } catch {
    return '';
  }
}

const NEEDS_ESCAPING = /["\\\u0000-\u001f\u007f\ud800-\udfff]/;

/** A text as a JSON string. */
export function quote(text: string): string {
  return isSimple(text) ? `"${text}"` : JSON.stringify(cutText(text));
}

/** Whether a text needs neither escaping nor cutting. A loop is twice as fast as a regular expression for the short. */
function isSimple(text: string): boolean {
  const { length } = text;
  if (length > 40) return length < 1024 && !NEEDS_ESCAPING.test(text);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit >= 0x7f && (unit < 0xa0 || unit >= 0xd800)))
      return false;
  }
  return true;
}

function valueJson(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? (walkValue(value, new JsonSink()) as string)
    : primitiveJson(value);
}

function primitiveJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return numberJson(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `"${value}"`;
    case 'object':
      return 'null';
    default:
      return quote(inspectLine(value));
  }
}

/** A number as JSON; NaN and infinities as the strings that azure-init writes. */
function numberJson(value: number): string {
  // Most numbers are small and whole.
  if (value > 0 && value < 1e6 && Number.isInteger(value)) {
    const thousands = Math.floor(value / 1000);
    return thousands === 0 ? digits(value) : digits(thousands) + threeDigits(value % 1000);
  }
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"inf"' : '"-inf"';
}

/** Writes a value as JSON; `undefined` gets no member. Unlike in lines of pino, an error is its message alone. */
class JsonSink implements ValueSink<string | undefined> {
  readonly unreadable = '[threw]';
  #left = CHARACTERS_MAX;

  primitive(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'string') {
      if (this.#left <= 0) return `"[+${value.length} characters]"`;
      this.#left -= value.length;
    }
    return primitiveJson(value);
  }

  text(text: string): string {
    return quote(text);
  }

  error(error: Error): string {
    return quote(errorMessage(error));
  }

  follows(): boolean {
    return false;
  }

  instanceText(instance: object): string {
    return inspectLine(instance);
  }

  array(items: (string | undefined)[]): string {
    return `[${items.map((item) => item ?? 'null').join(',')}]`;
  }

  object(names: string[], values: (string | undefined)[]): string {
    const members: string[] = [];
    for (let i = 0; i < values.length; i++) {
      if (values[i] !== undefined) members.push(`${quote(names[i] as string)}:${values[i]}`);
    }
    return `{${members.join(',')}}`;
  }
}
