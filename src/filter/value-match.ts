import { endOfQuoted } from '../end-of-quoted.ts';
import { isError } from '../errors.ts';
import { inspect } from 'node:util';
import { DEPTH_MAX, errorMessage } from '../tracing/value.ts';
import { Date } from '../tracing/timers.ts';

/** Whether the value of a field is the one that a directive names. */
export type ValueMatch = (value: unknown) => boolean;

/** Rust's grammar of floating point numbers; integers are among them. */
const NUMBER = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)$/i;
const INTEGER = /^[+-]?\d+$/;

/** JavaScript's regular expressions backtrack: a longer text, in UTF-16 units, matches none. */
const SEARCHED_MAX = 4096;

/** The match of the text of a value in a directive. Throws `SyntaxError` for a bad regular expression. */
export function parseValue(text: string, regex: boolean): ValueMatch {
  if (text === 'true' || text === 'false') return (value) => value === (text === 'true');
  if (NUMBER.test(text)) return numberMatch(text);
  if (text.startsWith('"') && endOfQuoted(text, 0) === text.length - 1) {
    const own = text.slice(1, -1).replace(/\\(["\\])/g, '$1');
    return (value) => (typeof value === 'string' ? value === own : debugText(value) === text);
  }
  // Rust's Debug writes a string in quotes, so no string equals a text without quotes.
  if (!regex) return (value) => typeof value !== 'string' && debugText(value) === text;
  const pattern = patternOf(text);
  return (value) => {
    const searched = typeof value === 'string' ? value : debugText(value);
    return searched !== undefined && searched.length <= SEARCHED_MAX && pattern.test(searched);
  };
}

function numberMatch(text: string): ValueMatch {
  const number = Number(text.replace(/inf(?:inity)?/i, 'Infinity').replace(/nan/i, 'NaN'));
  const exact = INTEGER.test(text) ? BigInt(text.replace('+', '')) : undefined;
  return (value) => {
    if (typeof value === 'number') return value === number || (Number.isNaN(value) && Number.isNaN(number));
    // oxlint-disable-next-line eqeqeq -- a bigint and a number that are numerically equal
    return typeof value === 'bigint' && (exact === undefined ? value == (number as never) : value === exact);
  };
}

/** The regular expression of a text. It must match up to the end; flags `(?i)` and `(?s)` may stand in front. */
function patternOf(text: string): RegExp {
  const [prefix, flags = ''] = /^\(\?([is]+)\)/.exec(text) ?? [''];
  const rest = text
    .slice(prefix.length)
    // With the flag `u` JavaScript refuses an escape that is not needed.
    .replace(/\\([\s\S])/g, (all, character: string) =>
      /[!"#%&',:;=@_`~-]/.test(character) ? `\\x${character.charCodeAt(0).toString(16)}` : all,
    );
  // Checked alone first: what is put around it could complete unbalanced parentheses.
  new RegExp(rest, 'u');
  return new RegExp(`(?:${rest})$`, `u${[...new Set(flags)].join('')}`);
}

/** A value that is compared as text, as Rust's Debug would write it; numbers and booleans are not. */
function debugText(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'number' || typeof value === 'boolean') return undefined;
  if (typeof value === 'bigint') return undefined;
  try {
    if (isError(value)) return errorMessage(value);
    if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
    return inspect(value, { depth: DEPTH_MAX, breakLength: Infinity, compact: true }).replaceAll('\n', ' ');
  } catch {
    return undefined;
  }
}
