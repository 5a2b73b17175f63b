import { inspect, types } from 'node:util';
import { isError } from '../errors.ts';
import { Date } from './timers.ts';

/** A text with more bytes of UTF-8 is cut in every output. */
const TEXT_MAX = 256 * 1024;
/** The same for names, in bytes. */
const NAME_MAX = 1024;
/** What ends a text that was cut before: an error's message may be cut once more as that of an event. */
const IS_CUT = /… \[\+\d+ bytes\]$/;
/** How many levels of objects and arrays are followed below the first. */
export const DEPTH_MAX = 3;

/** The text, well-formed. If it has more than 256 KiB it is cut at a character, and ends with the number of bytes that are gone. */
export function cutText(text: string): string {
  return cutTo(TEXT_MAX, text);
}

/** A name of a field, span or target, cut in the same way when it has more than 1 KiB. */
export function cutName(name: string): string {
  return cutTo(NAME_MAX, name);
}

function cutTo(most: number, text: string): string {
  if (text.length * 3 <= most) return text.isWellFormed() ? text : text.toWellFormed();
  // Short of reading all of a text of many megabytes: only as much of it as may stay.
  const bytes = Buffer.byteLength(text);
  if (bytes <= most) return text.toWellFormed();
  if (bytes < most + 64 && IS_CUT.test(text)) return text;
  const start = Buffer.from(text.slice(0, most).toWellFormed());
  let end = Math.min(most, start.length);
  while (end > 0 && ((start[end] ?? 0) & 0xc0) === 0x80) end--;
  return `${start.toString('utf8', 0, end)}… [+${bytes - end} bytes]`;
}

/** A value whose text is longer, in UTF-16 units, is not inspected deeper: each level may be a hundred times as long as the one above. */
const DEEPER_MAX = 8 * 1024;
/** How `inspect` marks what it left out: `[Array]`, `[Object]`, `[Disk]`. */
const LEFT_OUT = /\[[^\s\]]/;

/** Any value as one line of text, by `util.inspect`. Never throws. */
export function inspectLine(value: unknown): string {
  try {
    let text = '';
    for (let depth = 0; depth <= DEPTH_MAX; depth++) {
      text = inspect(value, { depth, breakLength: Infinity, compact: true, customInspect: false });
      if (text.length > DEEPER_MAX || !LEFT_OUT.test(text)) break;
    }
    return cutText(text.replaceAll('\n', ' '));
  } catch {
    return `[uninspectable: ${typeof value}]`;
  }
}

/** A date as ISO 8601 text, by the methods of `Date` itself. Throws for what is no date. */
export function dateText(date: Date): string {
  const { getTime, toISOString } = Date.prototype;
  return Number.isNaN(getTime.call(date)) ? 'Invalid Date' : toISOString.call(date);
}

/** The messages of an error's causes, the nearest first; at most 16, and each error once. Throws what a getter `cause` throws. */
export function causesOf(error: Error): string[] {
  const causes: string[] = [];
  const seen = new Set<unknown>([error]);
  for (let cause = error.cause; cause !== undefined && cause !== null && causes.length < 16;) {
    if (seen.has(cause)) break;
    seen.add(cause);
    causes.push(errorMessage(cause));
    cause = isError(cause) ? cause.cause : undefined;
  }
  return causes;
}

const NO_MESSAGE = '[an error without a message]';

/** The message of an Error, or a text that stands for it; any other value as a line of text. Never throws. */
export function errorMessage(error: unknown): string {
  try {
    if (!isError(error)) return typeof error === 'string' ? cutText(error) : inspectLine(error);
    const { message } = error;
    if (typeof message === 'string') return cutText(message || error.name);
    return typeof message === 'object' ? NO_MESSAGE : inspectLine(message);
  } catch {
    return NO_MESSAGE;
  }
}

/** An error's stack; `undefined` if it has none. */
export function stackOf(error: Error): string | undefined {
  try {
    const { stack } = error;
    return typeof stack === 'string' && stack !== '' ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** Any value as text: of an Error the message, of a `Date` ISO 8601. Never throws. */
export function textOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  return types.isDate(value) ? dateText(value) : errorMessage(value);
}

/** Whether a value is an object or a function. */
export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Whether a value is an object other than an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether an object has the prototype of object literals, or none. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
