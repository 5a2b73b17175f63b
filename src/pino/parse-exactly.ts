import { randomUUID } from 'node:crypto';
import { endOfQuoted } from '../end-of-quoted.ts';

/** A quote, at which a text starts, and numbers. */
const TOKENS = /"|-?\d[\d.eE+-]*/g;
/** A whole number that may be more than a number of JavaScript holds. */
const WHOLE = /^-?\d{16,}$/;
/** What stands before a whole number that waits as a text. Nobody can know it. */
const MARK = `${randomUUID()} `;

/**
 * Parses JSON. A whole number that is not what JavaScript writes for the number next to it was a bigint, and is one
 * again. Throws `SyntaxError`.
 */
export function parseExactly(json: string): unknown {
  if (!/\d{16}/.test(json)) return JSON.parse(json);
  const marked = withMarks(json);
  const value: unknown = JSON.parse(marked);
  return marked === json ? value : withBigints(value);
}

/** The same JSON with a marked text for each whole number that a number does not hold. */
function withMarks(json: string): string {
  let marked = '';
  let from = 0;
  TOKENS.lastIndex = 0;
  for (let found = TOKENS.exec(json); found !== null; found = TOKENS.exec(json)) {
    const [token] = found;
    if (token === '"') {
      const end = endOfQuoted(json, found.index);
      if (end < 0) break;
      TOKENS.lastIndex = end + 1;
    } else if (WHOLE.test(token) && String(Number(token)) !== token) {
      marked += `${json.slice(from, found.index)}"${MARK}${token}"`;
      from = TOKENS.lastIndex;
    }
  }
  return marked + json.slice(from);
}

/** Puts the bigints of marked texts in their places. It does not recurse, as a reviver would. */
function withBigints(value: unknown): unknown {
  const root = { value };
  const open: object[] = [root];
  for (let object = open.pop(); object !== undefined; object = open.pop()) {
    const members = object as Record<string, unknown>;
    for (const name of Object.keys(members)) {
      const member = members[name];
      if (typeof member === 'object' && member !== null) open.push(member);
      else if (typeof member === 'string' && member.startsWith(MARK)) {
        members[name] = BigInt(member.slice(MARK.length));
      }
    }
  }
  return root.value;
}
