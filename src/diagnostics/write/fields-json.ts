import type { Fields } from '../../tracing/fields.ts';
import {
  causesOf,
  cutText,
  dateText,
  DEPTH_MAX,
  errorMessage,
  inspectLine,
  isError,
  isPlain,
} from '../../tracing/value.ts';
import { Date } from '../../tracing/timers.ts';

/**
 * The text `start`, which ends inside of an object, with the fields as its next members, and `end`. Reads every
 * value of JavaScript, throws never.
 */
export function fieldsJson(start: string, fields: Fields, end: string): string {
  const { names, values } = fields;
  let json = start;
  let isFirst = start.charCodeAt(start.length - 1) === 0x7b; // {
  // A text's closing quote is written with what follows: few long pieces, because joining them costs most.
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

/** What stands before a field's value, from the comma on; after a text it is that text's closing quote first. */
interface Opening {
  value: string;
  text: string;
  valueAfterText: string;
  textAfterText: string;
}

/** Names recur: a program has as many as its source has, unless it makes them up as it goes. */
const KEPT_MAX = 1024;
const KEPT_LENGTH = 128;
const openings = new Map<string, Opening>();

function openingOf(name: string): Opening {
  let opening = openings.get(name);
  if (opening === undefined) {
    const value = inOnePiece(`,${quote(name)}:`);
    const text = inOnePiece(`${value}"`);
    const [valueAfterText, textAfterText] = [inOnePiece(`"${value}`), inOnePiece(`"${text}`)];
    opening = { value, text, valueAfterText, textAfterText };
    if (openings.size < KEPT_MAX && name.length <= KEPT_LENGTH) openings.set(name, opening);
  }
  return opening;
}

/** A text to be kept: what was put together is kept by V8 as its pieces, which are read one by one each time. */
export function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}

function sourcesJson(name: string, error: Error): string {
  const causes = guarded(() => causesOf(error), []);
  return causes.length === 0 ? '' : `,${quote(`${name}.sources`)}:[${causes.map(quote).join(',')}]`;
}

const NEEDS_ESCAPING = /["\\\u0000-\u001f\u007f\ud800-\udfff]/;

/** A text as JSON. */
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
      return value === null
        ? 'null'
        : guarded(
            () => objectJson(value, { ancestors: [], left: MEMBERS_MAX, room: ROOM }),
            '"[unreadable]"',
          );
    default:
      return quote(inspectLine(value));
  }
}

const DIGITS = Array.from({ length: 1000 }, (_, number) => String(number));
const PADDED = DIGITS.map((digits) => digits.padStart(3, '0'));

/** A number as JSON; what JSON has no number for, as Rust's JSON of azure-init spells it. */
function numberJson(value: number): string {
  // Most numbers are small and whole, and V8 spells one that it has not met lately five times slower.
  if (value > 0 && value < 1e6 && Number.isInteger(value)) {
    const thousands = Math.floor(value / 1000);
    return thousands === 0 ? (DIGITS[value] as string) : DIGITS[thousands] + (PADDED[value % 1000] as string);
  }
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? '"NaN"' : value > 0 ? '"inf"' : '"-inf"';
}

/** A value that is followed: the objects around the current one, and how many members and characters may still be written. */
interface Walk {
  ancestors: object[];
  left: number;
  room: number;
}

/** Members of one value and characters of its texts; what refers to the same again and again would grow without end. */
const MEMBERS_MAX = 10_000;
const ROOM = 1024 * 1024;

function objectJson(value: object, walk: Walk): string {
  if (value instanceof Error) return quote(errorMessage(value));
  if (value instanceof Date) return `"${dateText(value)}"`;
  const isArray = Array.isArray(value);
  if (!isArray && !isPlain(value)) return quote(inspectLine(value));
  if (walk.ancestors.includes(value)) return '"[Circular]"';
  if (walk.ancestors.length > DEPTH_MAX) return isArray ? '"[Array]"' : '"[Object]"';
  walk.ancestors.push(value);
  const json = isArray ? arrayJson(value, walk) : membersJson(value as Record<string, unknown>, walk);
  walk.ancestors.pop();
  return json;
}

function arrayJson(array: readonly unknown[], walk: Walk): string {
  const items: string[] = [];
  for (let i = 0; i < array.length; i++) {
    if (walk.left-- <= 0) {
      items.push(`"[+${array.length - i} items]"`);
      break;
    }
    items.push(guarded(() => nestedJson(array[i], walk) ?? 'null', '"[threw]"', walk));
  }
  return `[${items.join(',')}]`;
}

function membersJson(object: Record<string, unknown>, walk: Walk): string {
  const members: string[] = [];
  for (const name of Object.keys(object)) {
    if (walk.left-- <= 0) break;
    const json = guarded(() => nestedJson(object[name], walk), '"[threw]"', walk);
    if (json !== undefined) members.push(`${quote(name)}:${json}`);
  }
  return `{${members.join(',')}}`;
}

function nestedJson(value: unknown, walk: Walk): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') {
    if (walk.room <= 0) return `"[+${value.length} characters]"`;
    walk.room -= value.length;
  }
  return typeof value === 'object' && value !== null ? objectJson(value, walk) : valueJson(value);
}

function guarded<R>(read: () => R, otherwise: R, walk?: Walk): R {
  const depth = walk?.ancestors.length ?? 0;
  try {
    return read();
  } catch {
    if (walk !== undefined) walk.ancestors.length = depth;
    return otherwise;
  }
}
