import { isUtf8 } from 'node:buffer';
import { KEY_SIZE, RECORD_SIZE } from './limits.ts';
import { textOf } from './record.ts';

// The counterpart of edit.rs. Nothing here reads or writes a file.

/**
 * A change of a pool's bytes: `with` replaces what is at the offset `from`, and the pool then has `length`
 * bytes.
 */
export interface Edit {
  from: number;
  with: Buffer;
  length: number;
}

/**
 * What is wrong with a record. The host stops reading at `invalid_utf8`; at `missing_nul` the kernel reads
 * on into what follows the field.
 */
export type DefectReason = 'torn_tail' | 'invalid_utf8' | 'missing_nul' | 'empty_key';

/** A defect of a pool. */
export interface Defect {
  /** The record's number, from 0. */
  record: number;
  reason: DefectReason;
  /** The field with the defect; a torn tail has none, because it is not a record. */
  field?: 'key' | 'value';
}

function edit(from: number, parts: readonly Uint8Array[]): Edit {
  const bytes = Buffer.concat(parts);
  return { from, with: bytes, length: from + bytes.length };
}

/** What a pool has after a change. A torn tail is cut. */
export function applied(pool: Buffer, { from, with: bytes, length }: Edit): Buffer {
  const result = Buffer.alloc(Math.max(length, from + bytes.length));
  pool.copy(result, 0, 0, Math.min(wholeSize(pool), length));
  bytes.copy(result, from);
  return result.subarray(0, length);
}

/** Adds records at the end. */
export function append(pool: Buffer, bytes: Buffer): Edit {
  return edit(wholeSize(pool), [bytes]);
}

/** Replaces everything. */
export function replace(bytes: Buffer): Edit {
  return { from: 0, with: bytes, length: bytes.length };
}

/** The bytes of a pool's whole records. */
function wholeSize(pool: Buffer): number {
  return pool.length - (pool.length % RECORD_SIZE);
}

function recordsOf(pool: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(pool.length / RECORD_SIZE) }, (_, index) =>
    pool.subarray(index * RECORD_SIZE, (index + 1) * RECORD_SIZE),
  );
}

function keyOf(record: Buffer): Buffer {
  return textOf(record.subarray(0, KEY_SIZE));
}

/**
 * Replaces the first record that has the key of `record` and removes the others with it; adds `record` at
 * the end if there is none. Returns the number of different keys instead if this key would be one more than
 * `maxKeys`.
 */
export function set(pool: Buffer, record: Buffer, maxKeys: number): Edit | number {
  const key = keyOf(record);
  const records = recordsOf(pool);
  const hasKey = (other: Buffer) => other.subarray(0, key.length).equals(key) && other[key.length] === 0;
  const first = records.findIndex(hasKey);
  if (first < 0) {
    // Counting keys is needed only if there are at least as many records as allowed keys.
    if (records.length >= maxKeys) {
      const keys = new Set(records.map((other) => keyOf(other).toString('latin1'))).size;
      if (keys >= maxKeys) return keys;
    }
    return edit(records.length * RECORD_SIZE, [record]);
  }
  const others = records.slice(first + 1).filter((other) => !hasKey(other));
  if (others.length === records.length - first - 1) {
    return { from: first * RECORD_SIZE, with: record, length: records.length * RECORD_SIZE };
  }
  return edit(first * RECORD_SIZE, [record, ...others]);
}

/** Removes all records with one of `keys`; the result is their number. */
export function remove(pool: Buffer, keys: readonly string[]): { edit: Edit; result: number } {
  const wanted = new Set(keys.map((key) => Buffer.from(key).toString('latin1')));
  const isWanted = (record: Buffer) => wanted.has(keyOf(record).toString('latin1'));
  const records = recordsOf(pool);
  const first = records.findIndex(isWanted);
  if (first < 0) return { edit: edit(records.length * RECORD_SIZE, []), result: 0 };
  const kept = records.slice(first).filter((record) => !isWanted(record));
  return { edit: edit(first * RECORD_SIZE, kept), result: records.length - first - kept.length };
}

/** Lists the defects of a pool's bytes in the order of the file. */
export function inspect(pool: Buffer): Defect[] {
  if (isSound(pool)) return [];
  const defects: Defect[] = [];
  recordsOf(pool).forEach((bytes, record) => {
    if (bytes[0] === 0) defects.push({ record, reason: 'empty_key', field: 'key' });
    for (const field of ['key', 'value'] as const) {
      const whole = field === 'key' ? bytes.subarray(0, KEY_SIZE) : bytes.subarray(KEY_SIZE);
      const text = textOf(whole);
      if (text.length === whole.length) defects.push({ record, reason: 'missing_nul', field });
      if (!isUtf8(text)) defects.push({ record, reason: 'invalid_utf8', field });
    }
  });
  if (pool.length % RECORD_SIZE !== 0) {
    defects.push({ record: Math.floor(pool.length / RECORD_SIZE), reason: 'torn_tail' });
  }
  return defects;
}

/** Whether nothing is wrong, as a look at the whole tells: the bytes behind a NUL are looked at too, so `false` says nothing. */
function isSound(pool: Buffer): boolean {
  if (pool.length % RECORD_SIZE !== 0 || !isUtf8(pool)) return false;
  for (let start = 0; start < pool.length; start += RECORD_SIZE) {
    const isEnded = pool[start + KEY_SIZE - 1] === 0 && pool[start + RECORD_SIZE - 1] === 0;
    if (pool[start] === 0 || !isEnded) return false;
  }
  return true;
}

/**
 * Repairs what `inspect` finds; the result is that list. The torn tail and records without a key are
 * removed. Fields without a NUL or with invalid UTF-8 are encoded again, with U+FFFD for the invalid bytes.
 */
export function repair(pool: Buffer): { edit: Edit; result: Defect[] } {
  const defects = inspect(pool);
  const records = recordsOf(pool);
  const broken = new Set(defects.map(({ record }) => record));
  const first = defects[0]?.record ?? records.length;
  const mended = records.slice(first).flatMap((record, index) => {
    if (!broken.has(first + index)) return [record];
    if (record[0] === 0) return [];
    return [mend(record.subarray(0, KEY_SIZE)), mend(record.subarray(KEY_SIZE))];
  });
  return { edit: edit(first * RECORD_SIZE, mended), result: defects };
}

function mend(field: Buffer): Buffer {
  const mended = Buffer.alloc(field.length);
  // `write` stops before a character that does not fit whole.
  mended.write(textOf(field).toString('utf8'), 0, field.length - 1);
  return mended;
}
