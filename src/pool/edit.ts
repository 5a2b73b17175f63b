import { isUtf8 } from 'node:buffer';
import { KEY_SIZE, RECORD_SIZE } from './limits.ts';
import { textOf } from './record.ts';

/** A change of a pool's bytes: `with` takes the place of what is at `from`, and the pool ends at `length`. */
export interface Edit {
  from: number;
  with: Buffer;
  length: number;
}

/** What is wrong with a record; the host stops at `invalid_utf8`, and the kernel reads on where there is no NUL. */
export type DefectReason = 'torn_tail' | 'invalid_utf8' | 'missing_nul' | 'empty_key';

/** Something wrong with a pool. */
export interface Defect {
  /** The record's number, from 0. */
  record: number;
  reason: DefectReason;
  /** Which of its fields it concerns; a torn tail is no record and has none. */
  field?: 'key' | 'value';
}

/** The twin of edit.rs. */
function edit(from: number, parts: readonly Uint8Array[]): Edit {
  const bytes = Buffer.concat(parts);
  return { from, with: bytes, length: from + bytes.length };
}

/** Everything is replaced. */
export function replace(bytes: Buffer): Edit {
  return { from: 0, with: bytes, length: bytes.length };
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
 * Puts `record` in the place of the first one with its key and removes the others, or adds it at the end. A
 * number is how many different keys there are, when its key would be one more than `maxKeys`.
 */
export function set(pool: Buffer, record: Buffer, maxKeys: number): Edit | number {
  const key = keyOf(record);
  const records = recordsOf(pool);
  const hasKey = (other: Buffer) => other.subarray(0, key.length).equals(key) && other[key.length] === 0;
  const first = records.findIndex(hasKey);
  if (first < 0) {
    // Fewer records than keys allowed can't have too many of them.
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

/** Removes all records with one of `keys`; says how many. */
export function remove(pool: Buffer, keys: readonly string[]): { edit: Edit; result: number } {
  const wanted = new Set(keys.map((key) => Buffer.from(key).toString('latin1')));
  const isWanted = (record: Buffer) => wanted.has(keyOf(record).toString('latin1'));
  const records = recordsOf(pool);
  const first = records.findIndex(isWanted);
  if (first < 0) return { edit: edit(records.length * RECORD_SIZE, []), result: 0 };
  const kept = records.slice(first).filter((record) => !isWanted(record));
  return { edit: edit(first * RECORD_SIZE, kept), result: records.length - first - kept.length };
}

/** Lists what is wrong with a pool's bytes, in file order. */
export function inspect(pool: Buffer): Defect[] {
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

/**
 * Mends what `inspect` finds: the torn tail goes and so do records without a key; a field that the host or
 * the kernel would stumble over is spelled anew, with U+FFFD for what is no UTF-8.
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
  // A write of text stops before the character that does not fit.
  mended.write(textOf(field).toString('utf8'), 0, field.length - 1);
  return mended;
}
