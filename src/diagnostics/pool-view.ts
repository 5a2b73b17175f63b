import { isAscii } from 'node:buffer';
import { KEY_SIZE, RECORD_SIZE } from '../pool/limits.ts';
import type { PoolRecord } from '../pool/record.ts';
import type { PoolFields } from '../pool/store-backend.ts';
import { malformed, type ParseFailure } from './collector.ts';

/** What `Buffer.toString` calls at last; in a pool that is read once the way there takes four times as long. */
interface SlicedBuffer extends Buffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
}

/** The records of a pool by their numbers. Fields are decoded when they are read: many never are. */
export interface PoolView {
  readonly length: number;
  /** The bytes of the records. */
  readonly size: number;
  /** Of each record the first one whose key is the same up to its last `|`, if that is known. */
  readonly alike?: Uint32Array | undefined;
  /** What is wrong with the pool as a whole, behind its last record, and what there is of that record. */
  readonly damage: (ParseFailure & { raw: PoolRecord[] }) | undefined;
  key(index: number): string;
  /** The value as text; bytes that are not UTF-8 are U+FFFD. */
  text(index: number): string;
  /** The value's bytes. */
  bytes(index: number): Buffer;
  /** The whole record, with its bytes. */
  record(index: number): PoolRecord;
}

/** A view of a pool's bytes. */
export class BytesView implements PoolView {
  readonly length: number;
  readonly size: number;
  readonly #pool: SlicedBuffer;

  constructor(bytes: Uint8Array) {
    this.#pool = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as SlicedBuffer;
    this.length = Math.floor(bytes.length / RECORD_SIZE);
    this.size = bytes.length;
  }

  get damage(): PoolView['damage'] {
    return tornTail(this);
  }

  key(index: number): string {
    return this.#text(index * RECORD_SIZE, KEY_SIZE);
  }

  text(index: number): string {
    return this.#text(index * RECORD_SIZE + KEY_SIZE, RECORD_SIZE - KEY_SIZE);
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

  #text(start: number, size: number): string {
    const end = this.#end(start, size);
    // `utf8Slice` throws where a part of a record ends before.
    return end <= this.size ? this.#pool.utf8Slice(start, end) : this.#pool.toString('utf8', start, end);
  }

  /** The end of the field at `start`: its first NUL, or its last byte. */
  #end(start: number, size: number): number {
    // `indexOf` has no end: in a field without a NUL it would search all the rest of the pool.
    if (this.#pool[start + size - 1] === 0) return this.#pool.indexOf(0, start);
    const end = this.#pool.subarray(start, start + size).indexOf(0);
    return end < 0 ? start + size : start + end;
  }
}

/** Records whose texts are made at once: one piece of memory, and few enough that a text does not keep much of it. */
const AT_ONCE = 1024;

/** A view of the fields of a pool. */
export class FieldsView implements PoolView {
  readonly length: number;
  readonly size: number;
  readonly alike: Uint32Array | undefined;
  readonly #bytes: SlicedBuffer;
  readonly #ends: Uint32Array;
  /** The fields of many records as one text, of which theirs are parts; empty if they are not all ASCII. */
  readonly #texts: string[] = [];

  constructor({ bytes, ends, alike, size }: PoolFields) {
    this.alike = alike;
    this.#bytes = bytes as SlicedBuffer;
    this.#ends = ends;
    this.length = Math.floor(size / RECORD_SIZE);
    this.size = size;
    for (let index = 0; index < this.length; index += AT_ONCE) {
      const [start, end] = [this.#start(2 * index), this.#start(2 * (index + AT_ONCE))];
      this.#texts.push(isAscii(bytes.subarray(start, end)) ? this.#bytes.latin1Slice(start, end) : '');
    }
  }

  get damage(): PoolView['damage'] {
    return tornTail(this);
  }

  key(index: number): string {
    return this.#text(2 * index);
  }

  text(index: number): string {
    return this.#text(2 * index + 1);
  }

  bytes(index: number): Buffer {
    return this.#field(2 * index + 1);
  }

  record(index: number): PoolRecord {
    const [rawKey, rawValue] = [this.#field(2 * index), this.#field(2 * index + 1)];
    return { key: this.key(index), value: this.text(index), rawKey, rawValue };
  }

  #text(field: number): string {
    const [start, end] = [this.#start(field), this.#start(field + 1)];
    const many = this.#texts[Math.floor(field / (2 * AT_ONCE))];
    if (many === undefined || many === '') return this.#bytes.utf8Slice(start, end);
    const offset = this.#start(field - (field % (2 * AT_ONCE)));
    return many.slice(start - offset, end - offset);
  }

  #field(field: number): Buffer {
    return this.#bytes.subarray(this.#start(field), this.#start(field + 1));
  }

  /** Where a field starts; the end of all where there is no such field. */
  #start(field: number): number {
    return field === 0 ? 0 : (this.#ends[field - 1] ?? this.#bytes.length);
  }
}

/** That the pool ends in the middle of a record, if it does. */
function tornTail(view: PoolView): PoolView['damage'] {
  if (view.size === view.length * RECORD_SIZE) return undefined;
  const message = 'the pool ends in the middle of a record';
  return { reason: 'torn_tail', message, raw: [view.record(view.length)] };
}

/** A view of records in memory, with or without their bytes. */
export class RecordsView implements PoolView {
  readonly #records: readonly PoolRecord[];
  readonly damage: PoolView['damage'];

  /** `damage` says why there may be more records. */
  constructor(records: Iterable<PoolRecord>, damage?: string) {
    this.#records = [...records];
    this.damage = damage === undefined ? undefined : { ...malformed(damage), raw: [] };
  }

  get length(): number {
    return this.#records.length;
  }

  get size(): number {
    return this.#records.reduce((size, { key, value }) => size + key.length + value.length, 0);
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
