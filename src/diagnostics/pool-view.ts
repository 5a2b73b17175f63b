import { KEY_SIZE, RECORD_SIZE } from '../pool/limits.ts';
import type { PoolRecord } from '../pool/record.ts';

/** The records of a pool by their numbers. Fields are decoded when they are read: many never are. */
export interface PoolView {
  readonly length: number;
  key(index: number): string;
  /** The value as text; bytes that are not UTF-8 are U+FFFD. */
  text(index: number): string;
  /** The value's bytes. */
  bytes(index: number): Buffer;
  /** The whole record, with its bytes. */
  record(index: number): PoolRecord;
}

/** A view of a pool's bytes; a partial record at the end is ignored. */
export class BytesView implements PoolView {
  readonly length: number;
  readonly #pool: Buffer;

  constructor(bytes: Uint8Array) {
    this.#pool = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = Math.floor(bytes.length / RECORD_SIZE);
  }

  key(index: number): string {
    const start = index * RECORD_SIZE;
    return this.#pool.toString('utf8', start, this.#end(start, KEY_SIZE));
  }

  text(index: number): string {
    const start = index * RECORD_SIZE + KEY_SIZE;
    return this.#pool.toString('utf8', start, this.#end(start, RECORD_SIZE - KEY_SIZE));
  }

  bytes(index: number): Buffer {
    const start = index * RECORD_SIZE + KEY_SIZE;
    return this.#pool.subarray(start, this.#end(start, RECORD_SIZE - KEY_SIZE));
  }

  record(index: number): PoolRecord {
    const start = index * RECORD_SIZE;
    const rawKey = this.#pool.subarray(start, this.#end(start, KEY_SIZE));
    return { key: this.key(index), value: this.text(index), rawKey, rawValue: this.bytes(index) };
  }

  /** The end of the field at `start`: its first NUL, or its last byte. */
  #end(start: number, size: number): number {
    const end = this.#pool.indexOf(0, start);
    return end < 0 || end > start + size ? start + size : end;
  }
}

/** A view of records in memory, with or without their bytes. */
export class RecordsView implements PoolView {
  readonly #records: readonly PoolRecord[];

  constructor(records: Iterable<PoolRecord>) {
    this.#records = [...records];
  }

  get length(): number {
    return this.#records.length;
  }

  key(index: number): string {
    return this.record(index).key;
  }

  text(index: number): string {
    return this.record(index).value;
  }

  bytes(index: number): Buffer {
    const { rawValue, value } = this.record(index);
    if (rawValue === undefined) return Buffer.from(value);
    return Buffer.from(rawValue.buffer, rawValue.byteOffset, rawValue.byteLength);
  }

  record(index: number): PoolRecord {
    return this.#records[index] as PoolRecord;
  }
}
