import { randomUUID } from 'node:crypto';

/** Texts, which are passed over, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
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
  let isExact = true;
  const marked = json.replace(TOKENS, (token) => {
    if (!WHOLE.test(token) || String(Number(token)) === token) return token;
    isExact = false;
    return `"${MARK}${token}"`;
  });
  if (isExact) return JSON.parse(json);
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}
