import { CENSOR } from '../../tracing/safe-copy.ts';
import { isSecretByWords } from '../../tracing/secret-name.ts';
import type { OtlpSettings } from './otlp-settings.ts';

/** Characters of what a collector says that are searched for names, and that a message holds. */
const SEARCHED_MAX = 1024;
const SHOWN_MAX = 200;
/** Parts of a header's value that are shorter may be any word. */
const PART_MIN = 4;

/** `name: value`, `name=value`, `"name":"value"`, with what the value starts with in a header. */
const PAIR = /([\w.-]+)(["']?\s*[:=]\s*["']?)((?:bearer|basic|token|apikey)\s+)?[^\s"',;&<>{}]+/gi;
const SCHEME = /\b(bearer|basic)(\s+)[^\s"',;&<>{}]+/gi;

/**
 * The first line of what a collector says, as a message may hold it: without what was sent to authenticate, whether it
 * is echoed as it is, encoded or in parts, and without what it calls by a secret's name.
 */
export function answerText(answer: string, { headers, url }: Pick<OtlpSettings, 'headers' | 'url'>): string {
  let text = answer;
  for (const secret of secretsOf(headers, url)) text = text.replaceAll(secret, CENSOR);
  const [line = ''] = text.split(/[\r\n]/);
  return line
    .slice(0, SEARCHED_MAX)
    .replace(SCHEME, `$1$2${CENSOR}`)
    .replace(PAIR, (pair, name: string, sign: string, scheme = '') =>
      isSecretByWords(name) ? `${name}${sign}${scheme}${CENSOR}` : pair,
    )
    .slice(0, SHOWN_MAX)
    .trimEnd();
}

/** What must not be shown, the longest first. */
function secretsOf(headers: OtlpSettings['headers'], url: URL): string[] {
  const { username, password } = url;
  const values = [...Object.values(headers), username, password, decoded(username), decoded(password)];
  if (username !== '') values.push(`${decoded(username)}:${decoded(password)}`);
  if (url.search !== '') values.push(url.search.slice(1), ...url.searchParams.values());
  const parts = values.flatMap((value) => [value, ...value.split(/[\s,;=]+/)]);
  const spelled = parts.flatMap((part) => [
    part,
    encodeURIComponent(part.toWellFormed()),
    JSON.stringify(part).slice(1, -1),
    Buffer.from(part).toString('base64'),
    Buffer.from(part, 'base64').toString(),
  ]);
  const long = spelled.filter((each) => each.length >= PART_MIN);
  return [...new Set(long)].toSorted((one, other) => other.length - one.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
