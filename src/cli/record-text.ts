import { IoError } from '../errors.ts';
import type { PoolRecord } from '../pool/record.ts';

/** What would end a line: a line feed anywhere, a carriage return at its end; and what would be read as one of these. */
const ESCAPED = /\n|\r$|\\(?=u00(?:0a|0d|5c))/g;
const ESCAPES = /\\u00(0a|0d|5c)/g;

/** A record on one line, `key=value`. A line feed is `\u000a`; all other texts stay as `shown` has them. */
export function recordLine({ key, value }: PoolRecord, shown = (text: string): string => text): string {
  return `${shown(escaped(key))}=${shown(escaped(value))}\n`;
}

function escaped(text: string): string {
  return text.replace(ESCAPED, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function unescaped(text: string): string {
  return text.replace(ESCAPES, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Why a text is no list of records; the message says where. */
export class RecordTextError extends Error {}

/** The records of lines that `dump` printed. Throws `RecordTextError`. */
export function parseLines(text: string): PoolRecord[] {
  const records: PoolRecord[] = [];
  const lines = text.split('\n');
  lines.forEach((given, index) => {
    const line = index < lines.length - 1 && given.endsWith('\r') ? given.slice(0, -1) : given;
    if (line === '') return;
    const sign = line.indexOf('=');
    if (sign < 0) throw new RecordTextError(`line ${index + 1} must be in key=value format`);
    records.push({ key: unescaped(line.slice(0, sign)), value: unescaped(line.slice(sign + 1)) });
  });
  return records;
}

/** The text of what was read from `path`. Throws `IoError` for bytes that are not UTF-8. */
export function decodeText(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new IoError('ERR_KVP_IO', `${path} is not valid UTF-8`, { path });
  }
}
