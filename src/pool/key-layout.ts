import { FieldError } from '../errors.ts';
import { LEVELS } from '../tracing/level.ts';
import { CHUNKS_MAX, ID_MAX, SAFE_KEY } from './limits.ts';
import { Date } from '../tracing/timers.ts';

/**
 * The layout of the keys of a format's records: `{prefix}{word}|{name}|{id}`, then
 * `|{time}|{encoding}|{result}|{duration}` if there are `details`, then `|{chunk}` if the chunks are
 * `numbered`. The native core and the fallback know no formats, only such layouts. The counterpart of
 * key_layout.rs.
 */
export interface KeyLayout {
  /** What every key starts with, up to and including the `|` before the word. */
  readonly prefix: string;
  /** What follows the prefix: `start`, `finish` or `event` (`kind`), or the level's name (`level`). */
  readonly word: 'kind' | 'level';
  /** Longest name, in bytes. */
  readonly nameMax: number;
  /** Whether the time, the encoding, the result and the duration follow the id. */
  readonly details: boolean;
  /**
   * Whether a key ends with the number of its chunk, from 0. If not, all chunks of a payload have the same
   * key.
   */
  readonly numbered: boolean;
}

/** What a record reports. */
export type Kind = 'start' | 'finish' | 'event';

/** What a key tells about its payload. A layout may leave some of it out. */
export interface KeyFields {
  kind: Kind;
  /** From 1 (ERROR) to 5 (TRACE). */
  level: number;
  name: string;
  id: string;
  /** Milliseconds since 1970. */
  time: number;
  encoding: string;
  result: 'success' | 'fail' | undefined;
  /** The duration of a span that finished. */
  seconds: number | undefined;
}

/** The text of the key of a payload's chunk; chunks are numbered from 0. */
export function keyText(keys: KeyLayout, fields: KeyFields, chunk: number): string {
  const text = keyHead(keys, wordOf(keys, fields), fields.name) + fields.id + keyTail(keys, fields);
  return keys.numbered ? text + chunk : text;
}

/** The field that follows the prefix. */
export function wordOf({ word }: KeyLayout, { kind, level }: Pick<KeyFields, 'kind' | 'level'>): string {
  return word === 'kind' ? kind : (LEVELS[level - 1] ?? 'ERROR');
}

/** The part of a key before its id. */
export function keyHead({ prefix }: KeyLayout, word: string, name: string): string {
  return `${prefix}${word}|${name}|`;
}

/** The part of a key between its id and the chunk's number. */
export function keyTail(
  { details, numbered }: KeyLayout,
  { time, encoding, result, seconds }: Pick<KeyFields, 'time' | 'encoding' | 'result' | 'seconds'>,
): string {
  const end = numbered ? '|' : '';
  if (!details) return end;
  const duration = seconds === undefined ? '' : seconds.toFixed(6);
  return `|${new Date(time).toISOString()}|${encoding}|${result ?? ''}|${duration}${end}`;
}

/** The length of the longest duration: seconds with six decimals. */
const DURATION_MAX = '9999999999.999999'.length;
const DETAILS_MAX = '|2026-01-02T03:04:05.678Z|none|success|'.length + DURATION_MAX;
const CHUNK_MAX = `|${CHUNKS_MAX}`.length;

/**
 * Throws `FieldError` for a layout whose keys could not be parsed, or could be too long to reach the host
 * whole.
 */
export function checkKeyLayout({ prefix, word, nameMax, details, numbered }: KeyLayout): void {
  if (!prefix.endsWith('|') || prefix.includes('\0')) {
    throw illegal('prefix', prefix, "it must end with '|' and must not contain NUL");
  }
  if (nameMax === 0) throw illegal('nameMax', '0', 'it must be at least 1');
  const head = Buffer.byteLength(prefix) + (word === 'kind' ? 'finish' : 'ERROR').length + 1 + nameMax;
  const longest = head + 1 + ID_MAX + (details ? DETAILS_MAX : 0) + (numbered ? CHUNK_MAX : 0);
  if (longest > SAFE_KEY) throw tooLong('key', longest, SAFE_KEY);
}

/** Throws `FieldError` for a text that can't be a field of a key of at most `limit` bytes. */
export function checkKeyField(field: string, given: string, limit: number): void {
  const actual = Buffer.byteLength(given);
  if (actual > limit) throw tooLong(field, actual, limit);
  if (!isKeyField(given, limit)) {
    throw illegal(field, given, "it must not be empty and must not contain '|' or NUL");
  }
}

/** Whether a text can be a field of a key and has at most `limit` bytes. */
export function isKeyField(field: string, limit: number): boolean {
  if (field === '' || field.includes('|') || field.includes('\0')) return false;
  return field.length * 3 <= limit || Buffer.byteLength(field) <= limit;
}

function tooLong(field: string, actual: number, limit: number): FieldError {
  const message = `${field} length (${actual}) exceeds maximum (${limit})`;
  return new FieldError('ERR_KVP_FIELD_TOO_LONG', message);
}

function illegal(field: string, given: string, rule: string): FieldError {
  const message = `${field} ${JSON.stringify(given)} is not allowed: ${rule}`;
  return new FieldError('ERR_KVP_INVALID_FIELD', message);
}
