import type { Allowance } from '../allowance.ts';

const NAME = /[\p{ID_Start}_][\p{ID_Continue}.#-]*=/uy;
/** Characters that are scanned for the end of a message in all: each attempt may scan the whole text. */
const SCANNED_MAX = 64 * 1024;
/** Bytes of memory for a field besides its characters. */
const FIELD = 160;

/**
 * Reads `message=Some text, user="azureuser", key_count=3`: the message is raw, other values are as Rust's `Debug`
 * prints them. Nothing marks the end of a message: it ends at the first comma after which everything is fields.
 * Numbers and booleans become such, quoted texts are unquoted, all other values stay texts.
 */
export function readDebugFields(
  text: string,
  allowance: Allowance,
): { fields: Record<string, unknown>; message?: string } {
  const prefix = 'message=';
  if (!text.startsWith(prefix)) {
    const fields = text === '' ? noFields() : fieldsFrom(text, 0, allowance);
    return fields === undefined ? { fields: noFields(), message: text } : { fields };
  }
  let end = text.indexOf(', ', prefix.length);
  for (let left = SCANNED_MAX; end >= 0 && left > 0; end = text.indexOf(', ', end + 1)) {
    if (!isName(text, end + 2)) continue;
    left -= text.length;
    const fields = fieldsFrom(text, end + 2, allowance);
    if (fields !== undefined) return { fields, message: text.slice(prefix.length, end) };
  }
  return { fields: noFields(), message: text.slice(prefix.length) };
}

function noFields(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function isName(text: string, at: number): boolean {
  NAME.lastIndex = at;
  return NAME.test(text);
}

/** The fields from `start` to the end; `undefined` if there is anything else, or too many of them. */
function fieldsFrom(text: string, start: number, allowance: Allowance): Record<string, unknown> | undefined {
  const fields = noFields();
  let cost = 0;
  for (let at = start; ;) {
    if (!isName(text, at)) return undefined;
    const valueStart = NAME.lastIndex;
    const end = endOfValue(text, valueStart);
    if (end === undefined) return undefined;
    cost += FIELD;
    if (cost > allowance.left) return undefined;
    fields[text.slice(at, valueStart - 1)] = valueOf(text.slice(valueStart, end));
    if (end === text.length) {
      allowance.spend(cost);
      return fields;
    }
    at = end + 2;
  }
}

/** The end of a value: before `, name=` outside of quotes and brackets, or the end of the text. */
function endOfValue(text: string, start: number): number | undefined {
  if (text[start] === '"') {
    const behind = endOfQuotes(text, start) + 1;
    return behind === text.length || (behind > 0 && isNext(text, behind)) ? behind : undefined;
  }
  const open: string[] = [];
  for (let at = start; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = endOfQuotes(text, at);
        if (at < 0) return undefined;
        break;
      case '(':
        open.push(')');
        break;
      case '[':
        open.push(']');
        break;
      case '{':
        open.push('}');
        break;
      case ')':
      case ']':
      case '}':
        if (open.pop() !== text[at]) return undefined;
        break;
      case ',':
        if (open.length === 0 && isNext(text, at)) return at;
    }
  }
  return open.length === 0 ? text.length : undefined;
}

/** Whether another field follows at `at`. */
function isNext(text: string, at: number): boolean {
  return text.startsWith(', ', at) && isName(text, at + 2);
}

/** The position of the closing quote for the one at `start`; -1 if there is none. */
function endOfQuotes(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:e-?\d+)?$/;

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  if (text.startsWith('"')) return unquoted(text);
  if (!NUMBER.test(text)) return text;
  const number = Number(text);
  // An integer that a number can't represent stays a text.
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(number) ? text : number;
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '0': '\0' };

/** The text that Rust's `Debug` quoted. */
function unquoted(text: string): string {
  return text
    .slice(1, -1)
    .replace(/\\(?:u\{([0-9a-fA-F]{1,6})\}|(.))/gsu, (whole, hex?: string, one?: string) => {
      if (hex === undefined) return ESCAPES[one as string] ?? (one as string);
      const code = Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    });
}
