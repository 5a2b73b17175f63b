import { OptionError } from '../../errors.ts';

/**
 * Parses supporting data in the syntax of azure-init's command line: `key=value` pairs between commas; a value in
 * `'…'` or `"…"` may contain commas. The result has no prototype; of a repeated key the first value counts. Throws
 * `OptionError`.
 *
 * @example
 * ```ts
 * parseSupportingData("http_code=500,url='http://host/a,b'"); // { http_code: '500', url: 'http://host/a,b' }
 * ```
 */
export function parseSupportingData(text: string): Record<string, string> {
  if (typeof text !== 'string') throw expected('a text of key=value pairs', text);
  const data = Object.create(null) as Record<string, string>;
  for (let start = 0; start <= text.length;) {
    const sign = text.indexOf('=', start);
    const key = text.slice(start, sign);
    if (sign < 0 || key.includes(',')) throw expected('key=value in each pair between commas', text);
    if (key === '') throw expected('key=value with a key that is not empty', text);
    const quote = text[sign + 1];
    const isQuoted = quote === '"' || quote === "'";
    const from = sign + (isQuoted ? 2 : 1);
    let end = text.indexOf(isQuoted ? quote : ',', from);
    if (end < 0 && isQuoted) throw expected(`key=value with a ${quote} that ends a quoted value`, text);
    if (end < 0) end = text.length;
    if (!(key in data)) data[key] = text.slice(from, end);
    if (isQuoted) end++;
    if (end < text.length && text[end] !== ',') {
      throw expected('key=value with nothing between a closing quote and the next comma', text);
    }
    start = end + 1;
  }
  return data;
}

function expected(what: string, given: unknown): OptionError {
  return new OptionError('supporting data', given, what);
}
