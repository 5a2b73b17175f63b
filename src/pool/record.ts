import { EmptyKeyError, KeyTooLongError, NulError, OptionError, ValueTooLongError } from '../errors.ts';
import { CHUNKS_MAX, KEY_SIZE, RECORD_SIZE, SAFE_KEY, SAFE_VALUE, VALUE_SIZE } from './limits.ts';

/** A record of a pool as text, with U+FFFD for invalid UTF-8. */
export interface PoolRecord {
  key: string;
  value: string;
  /** The key's bytes, if asked for. */
  rawKey?: Uint8Array;
  /** The value's bytes, if asked for. A payload may be split in the middle of a character. */
  rawValue?: Uint8Array;
}

/**
 * How long a key and a value may be, in bytes of UTF-8: `safe` is what reaches the host whole (254 and
 * 1,022), `wire` is what fits into the file's fields with a NUL at the end (511 and 2,047).
 */
export type Limits = 'safe' | 'wire';

const LONGEST = {
  safe: { key: SAFE_KEY, value: SAFE_VALUE },
  wire: { key: KEY_SIZE - 1, value: VALUE_SIZE - 1 },
} as const;

/** Throws for a record that can't be written. `record` is its number in a list, for the message. */
export function checkRecord({ key, value }: PoolRecord, limits: Limits, record?: number): void {
  checkKey(key, limits, record);
  const { value: limit } = LONGEST[limits];
  if (typeof value !== 'string') throw new OptionError('value', value, 'a text');
  if (value.length * 3 > limit && Buffer.byteLength(value) > limit) {
    throw new ValueTooLongError(Buffer.byteLength(value), limit, record);
  }
  if (value.includes('\0')) throw new NulError('value', record);
}

/**
 * Throws for a key that can't be written. `record` is the number of its record in a list, for the message.
 */
export function checkKey(key: string, limits: Limits, record?: number): void {
  const { key: limit } = LONGEST[limits];
  if (typeof key !== 'string') throw new OptionError('key', key, 'a text');
  if (key === '') throw new EmptyKeyError(record);
  if (key.length * 3 > limit && Buffer.byteLength(key) > limit) {
    throw new KeyTooLongError(Buffer.byteLength(key), limit, record);
  }
  if (key.includes('\0')) throw new NulError('key', record);
}

/** The bytes of records in a file. */
export function encodeRecords(records: readonly PoolRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * RECORD_SIZE);
  for (const [index, { key, value }] of records.entries()) {
    const start = index * RECORD_SIZE;
    bytes.write(key, start);
    bytes.write(value, start + KEY_SIZE);
  }
  return bytes;
}

/**
 * The records in a pool's bytes, with each field up to its first NUL. A partial record at the end is
 * ignored.
 */
export function decodeRecords(bytes: Uint8Array, options?: { raw?: boolean | undefined }): PoolRecord[] {
  const raw = options?.raw ?? false;
  const pool = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: PoolRecord[] = [];
  for (let start = 0; start + RECORD_SIZE <= pool.length; start += RECORD_SIZE) {
    const rawKey = textOf(pool.subarray(start, start + KEY_SIZE));
    const rawValue = textOf(pool.subarray(start + KEY_SIZE, start + RECORD_SIZE));
    const record: PoolRecord = { key: rawKey.toString('utf8'), value: rawValue.toString('utf8') };
    records.push(raw ? { ...record, rawKey, rawValue } : record);
  }
  return records;
}

/** Each key in the bytes of a pool with its last value. */
export function entriesOf(pool: Uint8Array): Map<string, string> {
  return new Map(decodeRecords(pool).map(({ key, value }) => [key, value]));
}

/** The part of a field before its first NUL. */
export function textOf(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/**
 * The offsets at which the chunks of a payload end, each at a character boundary; `undefined` if there are
 * too many.
 */
export function chunksOf(bytes: Buffer): number[] | undefined {
  const ends: number[] = [];
  let start = 0;
  do {
    let end = Math.min(bytes.length, start + SAFE_VALUE);
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    ends.push(end);
    start = end;
  } while (start < bytes.length && ends.length <= CHUNKS_MAX);
  return ends.length > CHUNKS_MAX ? undefined : ends;
}
