import { randomFillSync } from 'node:crypto';
import { KEY_SIZE, RECORD_SIZE } from '../limits.ts';
import type { Verdict } from './budget.ts';
import type { Entry } from './frame.ts';

/** An entry and its records in the batch. */
export interface Group {
  entry: Entry;
  first: number;
  records: number;
  /** The budget's verdict before a write that failed; `undefined` if it was not asked yet. */
  verdict: Verdict | undefined;
}

/** A key without its id and the number of its chunk. A part that changes is replaced by a new buffer. */
export interface Key {
  head: Buffer;
  tail: Buffer;
}

/**
 * The bytes of records as they will be in the file. The buffer is reused: only the bytes that a slot's last
 * record used are zeroed, and the start of a key stays if the next record has the same buffer for it.
 */
export class Batch {
  #bytes: Buffer;
  /** The lengths of each slot's key and value, by turns. */
  #dirty: number[] = [];
  /** The start of each slot's key. */
  #heads: Buffer[] = [];
  #length = 0;

  /** A batch with room for `records`. It grows if there are more. */
  constructor(records = 1) {
    this.#bytes = Buffer.alloc(records * RECORD_SIZE);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length * RECORD_SIZE);
  }

  /**
   * Adds a record; its key and value fit. If `id` is empty the key gets a new UUID. If `chunk` is undefined
   * it gets no number.
   */
  push({ head, tail }: Key, id: string, chunk: number | undefined, value: string | Buffer): void {
    const slot = this.#length++;
    const start = slot * RECORD_SIZE;
    if (start === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], start * 2);
    }
    const bytes = this.#bytes;
    if (this.#heads[slot] !== head) {
      this.#heads[slot] = head;
      bytes.set(head, start);
    }
    let keyEnd = start + head.length;
    keyEnd += id === '' ? writeUuid(bytes, keyEnd) : bytes.write(id, keyEnd);
    for (let i = 0; i < tail.length; i++) bytes[keyEnd++] = tail[i] as number;
    if (chunk === 0) bytes[keyEnd++] = 0x30;
    else if (chunk !== undefined) keyEnd += bytes.write(String(chunk), keyEnd);
    const valueStart = start + KEY_SIZE;
    const valueLength =
      typeof value === 'string' ? bytes.write(value, valueStart) : value.copy(bytes, valueStart);
    const keyDirty = start + (this.#dirty[slot * 2] ?? 0);
    const valueDirty = this.#dirty[slot * 2 + 1] ?? 0;
    if (keyDirty > keyEnd) bytes.fill(0, keyEnd, keyDirty);
    if (valueDirty > valueLength) bytes.fill(0, valueStart + valueLength, valueStart + valueDirty);
    this.#dirty[slot * 2] = keyEnd - start;
    this.#dirty[slot * 2 + 1] = valueLength;
  }

  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Moves `count` records from `from` to the earlier position `to`. */
  moveBack(from: number, to: number, count: number): void {
    this.#bytes.copyWithin(to * RECORD_SIZE, from * RECORD_SIZE, (from + count) * RECORD_SIZE);
    this.#dirty.copyWithin(to * 2, from * 2, (from + count) * 2);
    this.#heads.copyWithin(to, from, from + count);
  }
}

const random = Buffer.alloc(16 * 1024);
let randomUsed = random.length;
const DIGITS = Buffer.from('0123456789abcdef');

/**
 * Writes a random UUID (version 4) and returns its length. `randomUUID` would make a text that has to be
 * encoded.
 */
function writeUuid(bytes: Buffer, start: number): number {
  if (randomUsed === random.length) {
    randomFillSync(random);
    randomUsed = 0;
  }
  let at = start;
  for (let i = 0; i < 16; i++) {
    let byte = random[randomUsed++] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    else if (i === 8) byte = (byte & 0x3f) | 0x80;
    if (i === 4 || i === 6 || i === 8 || i === 10) bytes[at++] = 0x2d;
    bytes[at++] = DIGITS[byte >> 4] as number;
    bytes[at++] = DIGITS[byte & 0x0f] as number;
  }
  return at - start;
}
