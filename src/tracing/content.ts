import { read } from './harmless.ts';
import type { Secrets } from './safe-copy.ts';

type Pairs = [name: string, value: unknown][];

/** Names and values that are read of one object, at most. */
const PAIRS_MAX = 10_000;

/**
 * What an object of the platform holds that no look at its properties shows: a URL's text, the pairs of `Headers`,
 * `FormData` and `URLSearchParams`, what was asked and answered of an HTTP message; `undefined` of any other object.
 * `tag` is what its class calls itself.
 */
export function readContent(value: object, tag: string, secrets: Secrets): string | Pairs | undefined {
  switch (tag) {
    case 'URL': {
      const { href } = value as { href?: unknown };
      return typeof href === 'string' ? secrets.redactedUrl(href) : undefined;
    }
    case 'URLSearchParams':
    case 'Headers':
    case 'FormData': {
      const { forEach } = value as { forEach?: unknown };
      return typeof forEach === 'function' ? pairsOf(value, forEach as ForEach) : undefined;
    }
    case 'Request':
    case 'Response': {
      const { method, url, status, statusText, headers } = value as Record<string, unknown>;
      const told = Object.entries({ method, url, status, statusText, headers });
      return told
        .filter(([, said]) => said !== undefined && said !== '')
        .map(([name, said]) => [
          name,
          name === 'url' && typeof said === 'string' ? secrets.redactedUrl(said) : said,
        ]);
    }
    default:
      return messageContent(value, secrets);
  }
}

type ForEach = (hear: (value: unknown, name: unknown) => void) => void;

function pairsOf(value: object, forEach: ForEach): Pairs {
  const pairs = new Map<string, unknown>();
  let left = PAIRS_MAX;
  forEach.call(value, (item, name) => {
    if (left-- > 0) append(pairs, String(name), item);
  });
  return [...pairs];
}

/** A name that comes more than once has a list. */
function append(pairs: Map<string, unknown>, name: string, value: unknown): void {
  const before = pairs.get(name);
  if (!pairs.has(name)) pairs.set(name, value);
  else if (Array.isArray(before)) before.push(value);
  else pairs.set(name, [before, value]);
}

/** Of requests and responses of `node:http`, which hold the whole head as text and the socket besides. */
function messageContent(value: object, secrets: Secrets): Pairs | undefined {
  // Bun has a getter for the headers alone.
  const hasTrailers = Array.isArray(own(value, 'rawTrailers'));
  const rawHeaders = own(value, 'rawHeaders') ?? (hasTrailers ? read(value, 'rawHeaders') : undefined);
  const isHead = hasTrailers || own(value, 'httpVersionMajor') !== undefined;
  const isIncoming = Array.isArray(rawHeaders) && isHead;
  const isOutgoing = !isIncoming && '_header' in value && '_hasBody' in value;
  if (!isIncoming && !isOutgoing) return undefined;
  const headers = new Map<string, unknown>();
  if (isIncoming) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      append(headers, String(rawHeaders[i]).toLowerCase(), rawHeaders[i + 1]);
    }
  } else {
    const out = Object.getOwnPropertySymbols(value).find(({ description }) => description === 'kOutHeaders');
    const sent = out === undefined ? undefined : own(value, out);
    for (const [name, header] of Object.entries((sent ?? {}) as Record<string, [string, unknown]>)) {
      headers.set(name, header[1]);
    }
  }
  const told: Pairs = [];
  for (const name of [
    'method',
    'protocol',
    'host',
    'path',
    'url',
    'statusCode',
    'statusMessage',
    'httpVersion',
  ]) {
    // Newer versions of Node.js have getters for some.
    const said = read(value, name);
    if (said === undefined || said === null || said === '' || typeof said === 'object') continue;
    const isUrl = name === 'path' || name === 'url';
    told.push([name, isUrl && typeof said === 'string' ? secrets.redactedUrl(said) : said]);
  }
  return [...told, ['headers', Object.fromEntries(headers)]];
}

/** An own property, unless a getter would have to be asked. */
function own(value: object, name: PropertyKey): unknown {
  return Reflect.getOwnPropertyDescriptor(value, name)?.value;
}
