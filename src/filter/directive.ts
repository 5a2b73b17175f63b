import { endOfQuoted } from '../end-of-quoted.ts';
import { FilterError, messageOf } from '../errors.ts';
import { type Verbosity, verbosityOf } from '../tracing/level.ts';
import { parseValue, type ValueMatch } from './value-match.ts';

export interface FieldMatch {
  readonly name: string;
  /** What the field's value must match; without it any value matches. */
  readonly value: ValueMatch | undefined;
}

/** One part of a filter: what it selects, and up to which level that passes. */
export interface Directive {
  /** The start of the targets; `undefined` is all. */
  readonly target: string | undefined;
  /** The name of the span inside of which it holds; `undefined` is any span with the fields. */
  readonly span: string | undefined;
  readonly fields: readonly FieldMatch[];
  readonly verbosity: Verbosity;
  /** What it selects, as a text: a later directive with the same text replaces it. */
  readonly selector: string;
}

const ASCII_TARGET = /^[\w:./@-]+$/;
const LEVELS = 'off, error, warn, info, debug, trace or 0 to 5';

/** The parts of a filter's text, without empty ones. A comma inside of {} or "" does not separate. */
export function partsOf(text: string): string[] {
  return split(text)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The directive of a part. With `regex`, values without quotes are regular expressions. Throws `FilterError`. */
export function parseDirective(part: string, regex: boolean): Directive {
  const [, head = '', rest = ''] = /^([^[=]*)(.*)$/su.exec(part) ?? [];
  if (rest === '') {
    const verbosity = levelOf(head);
    return directive(verbosity === undefined ? targetOf(part, head) : undefined, undefined, [], verbosity);
  }
  const target = head === '' ? undefined : targetOf(part, head);
  if (rest.startsWith('=')) {
    if (target === undefined) throw new FilterError(part, 'there is no target in front of "="');
    return directive(target, undefined, [], levelAfter(part, rest));
  }
  const { span, fields, after } = spanOf(part, rest);
  const texts = fields.map((field) => field.trim());
  const matches = texts.map((field) => fieldOf(part, field, regex));
  if (span === undefined && matches.length === 0) throw new FilterError(part, 'there are no fields in "{}"');
  return directive(target, span, matches, levelAfter(part, after), texts);
}

function directive(
  target: string | undefined,
  span: string | undefined,
  fields: readonly FieldMatch[],
  verbosity: Verbosity = 5,
  texts: readonly string[] = [],
): Directive {
  return { target, span, fields, verbosity, selector: JSON.stringify([target, span, texts.toSorted()]) };
}

function targetOf(part: string, text: string): string {
  // Node.js looks the classes up when it comes by, and most targets are ASCII.
  if (ASCII_TARGET.test(text) || /^[\p{Alphabetic}\p{N}:_./@-]+$/u.test(text)) return text;
  throw new FilterError(part, `${JSON.stringify(text)} is neither a level (${LEVELS}) nor a target`);
}

/** The level behind `=`; without one it is TRACE. */
function levelAfter(part: string, text: string): Verbosity {
  if (text === '' || text === '=') return 5;
  if (!text.startsWith('=')) throw new FilterError(part, `there is ${JSON.stringify(text)} behind "]"`);
  const level = levelOf(text.slice(1));
  if (level !== undefined) return level;
  throw new FilterError(part, `${JSON.stringify(text.slice(1))} is no level (${LEVELS})`);
}

function levelOf(text: string): Verbosity | undefined {
  return /^[0-5]$/.test(text) ? (Number(text) as Verbosity) : verbosityOf(text);
}

/** The name and the fields between the brackets, and the text behind them. */
function spanOf(part: string, text: string): { span: string | undefined; fields: string[]; after: string } {
  const end = text.search(/[\]{]/);
  if (end < 0) throw new FilterError(part, 'there is no "]"');
  const name = text.slice(1, end);
  if (text[end] === ']') return { span: name, fields: [], after: text.slice(end + 1) };
  const close = closingsOf(text).get(end);
  if (close === undefined || text[close + 1] !== ']') throw new FilterError(part, 'there is no "}]"');
  const fields = split(text.slice(end + 1, close), true);
  if (fields.some((field) => field.trim() === '')) throw new FilterError(part, 'a field has no name');
  return { span: name === '' ? undefined : name, fields, after: text.slice(close + 2) };
}

function fieldOf(part: string, text: string, regex: boolean): FieldMatch {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: text, value: undefined };
  try {
    return { name: text.slice(0, equals), value: parseValue(text.slice(equals + 1), regex) };
  } catch (error) {
    throw new FilterError(part, messageOf(error), error);
  }
}

/** Splits a text at the commas that are not inside of {} or "". With `inBraces` it is the text inside of {}. */
function split(text: string, inBraces = false): string[] {
  const closings = closingsOf(text, inBraces);
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ',') {
      parts.push(text.slice(start, at));
      start = at + 1;
    } else at = closings.get(at) ?? at;
  }
  return [...parts, text.slice(start)];
}

/** The indexes of closing braces, and of closing quotes inside of braces, by those of the opening ones. One that is never closed is a character like any other. */
function closingsOf(text: string, inBraces = false): Map<number, number> {
  const closings = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '{') open.push(at);
    else if (text[at] === '}') {
      const opened = open.pop();
      if (opened !== undefined) closings.set(opened, at);
    } else if (text[at] === '"' && (inBraces || open.length > 0)) {
      const end = endOfQuoted(text, at);
      if (end < 0) continue;
      closings.set(at, end);
      at = end;
    }
  }
  return closings;
}
