import { FieldError } from '../errors.ts';
import { LEVELS } from '../tracing/level.ts';
import { CHUNKS_MAX, ID_MAX, SAFE_KEY } from './limits.ts';
import { Date } from '../tracing/timers.ts';

/**
 * How the keys of a format's records are laid out: `{prefix}{word}|{name}|{id}`, then
 * `|{time}|{encoding}|{result}|{duration}` if there are `details`, then `|{chunk}` if the chunks are `numbered`.
 * A format is such a layout: the two cores know no formats. The twin of key_layout.rs.
 */
export interface KeyLayout {
  /** What every key starts with, up to and including the `|` before the word. */
  readonly prefix: string;
  /** The field behind the prefix: `start`, `finish` or `event`, or the level's name. */
  readonly word: 'kind' | 'level';
  /** Bytes that a name may have. */
  readonly nameMax: number;
  /** Whether time, encoding, result and duration follow the id. */
  readonly details: boolean;
  /** Whether a key ends in the number of its chunk, from 0. Otherwise all chunks of a payload share one key. */
  readonly numbered: boolean;
}

/** What a record says happened. */
export type Kind = 'start' | 'finish' | 'event';

/** What a key says about its payload; a layout leaves some of it out. */
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
  /** The duration. */
  seconds: number | undefined;
}

/** The text of a key; `chunk` is the number of the payload's chunk, from 0. */
export function keyText(keys: KeyLayout, fields: KeyFields, chunk: number): string {
  const text = keyHead(keys, wordOf(keys, fields), fields.name) + fields.id + keyTail(keys, fields);
  return keys.numbered ? text + chunk : text;
}

/** The field behind the prefix. */
export function wordOf({ word }: KeyLayout, { kind, level }: Pick<KeyFields, 'kind' | 'level'>): string {
  return word === 'kind' ? kind : (LEVELS[level - 1] ?? 'ERROR');
}

/** A key up to its id. */
export function keyHead({ prefix }: KeyLayout, word: string, name: string): string {
  return `${prefix}${word}|${name}|`;
}

/** What follows the id, up to the chunk's number. */
export function keyTail(
  { details, numbered }: KeyLayout,
  { time, encoding, result, seconds }: Pick<KeyFields, 'time' | 'encoding' | 'result' | 'seconds'>,
): string {
  const end = numbered ? '|' : '';
  if (!details) return end;
  const duration = seconds === undefined ? '' : seconds.toFixed(6);
  return `|${new Date(time).toISOString()}|${encoding}|${result ?? ''}|${duration}${end}`;
}

/** Durations in seconds are shorter than this, which is 300 years. */
export const SECONDS_MAX = 1e10;
/** Digits and the point of such a duration in microseconds. */
const DURATION_MAX = '9999999999.999999'.length;
const DETAILS_MAX = '|2026-01-02T03:04:05.678Z|none|success|'.length + DURATION_MAX;
const CHUNK_MAX = `|${CHUNKS_MAX}`.length;

/** Throws `FieldError` for a layout whose keys could be no keys, or too long to reach the host whole. */
export function checkKeyLayout({ prefix, word, nameMax, details, numbered }: KeyLayout): void {
  if (!prefix.endsWith('|') || prefix.includes('\0')) {
    throw illegal('prefix', prefix, "it must end with '|' and must not contain NUL");
  }
  if (nameMax === 0) throw illegal('nameMax', '0', 'it must be at least 1');
  const head = Buffer.byteLength(prefix) + (word === 'kind' ? 'finish' : 'ERROR').length + 1 + nameMax;
  const longest = head + 1 + ID_MAX + (details ? DETAILS_MAX : 0) + (numbered ? CHUNK_MAX : 0);
  if (longest > SAFE_KEY) throw tooLong('key', longest, SAFE_KEY);
}

/** Throws `FieldError` for a text that can't be a field of a key; `limit` is in bytes. */
export function checkKeyField(field: string, given: string, limit: number): void {
  const actual = Buffer.byteLength(given);
  if (actual > limit) throw tooLong(field, actual, limit);
  if (!isKeyField(given, limit)) {
    throw illegal(field, given, "it must not be empty and must not contain '|' or NUL");
  }
}

/** Whether a text of at most `limit` bytes can be a field of a key. */
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
