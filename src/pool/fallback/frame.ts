import { randomFillSync, randomUUID } from 'node:crypto';
import type { Verbosity } from '../../tracing/level.ts';
import {
  isKeyField,
  type KeyFields,
  type KeyLayout,
  checkKeyLayout,
  keyHead,
  keyTail,
  type Kind,
  SECONDS_MAX,
  wordOf,
} from '../key-layout.ts';
import { CHUNKS_MAX, ID_MAX, KEY_SIZE, RECORD_SIZE, SAFE_VALUE } from '../limits.ts';

/** Verbosities that decide how much room an entry has. */
export const WARN: Verbosity = 2;
export const INFO: Verbosity = 3;

/** A start, finish or event on its way to the pool. */
export interface Entry {
  kind: Kind;
  /** From 1 (ERROR) to 5 (TRACE). */
  level: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Empty for an event: it gets one when it is framed. */
  id: string;
  name: string;
  payload: string;
  /** Of a finish; negative when it failed. */
  seconds: number;
}

/** A key but for its id and the number of its chunk. A part that changes is a new buffer: equal ones are identical. */
interface Key {
  head: Buffer;
  tail: Buffer;
}

/**
 * Records laid out as they will be in the file. The buffer is reused: of a slot only what its last record
 * dirtied is zeroed again, and the start of a key stays if the next one has the same.
 */
export class Batch {
  #bytes: Buffer;
  /** Of each slot: how long its key and its value are. */
  #dirty: number[] = [];
  /** Of each slot: what its key starts with. */
  #heads: Buffer[] = [];
  #length = 0;

  /** With room for `records`; it grows when there are more. */
  constructor(records = 1) {
    this.#bytes = Buffer.alloc(records * RECORD_SIZE);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length * RECORD_SIZE);
  }

  /** Adds a record of a key and a value that fit; without an `id` the key gets a new UUID, without a `chunk` no number. */
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

/** Writes a random UUID (version 4) and says how long it is; `randomUUID` makes a text, which is to be read again. */
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

/** Frames entries into records: the twin of frame.rs, byte for byte. */
export class Framer {
  readonly #keys: KeyLayout;
  /** The last key and what it was made of: most events are of the same span and millisecond as the one before. */
  readonly #key: Key = { head: Buffer.alloc(0), tail: Buffer.alloc(0) };
  readonly #last = { word: '', name: '', time: NaN };

  /** Throws `FieldError` for a layout that can't be used. */
  constructor(keys: KeyLayout) {
    checkKeyLayout(keys);
    this.#keys = keys;
  }

  /** Adds its records to `batch` and says how many, or adds none and says why. */
  frame(entry: Entry, batch: Batch): number | 'too_large' | 'invalid' {
    const { id, payload } = entry;
    if (!this.#readKey(entry)) return 'invalid';
    // Neither NaN nor more digits than a key has room for.
    if (!(Math.abs(entry.seconds) < SECONDS_MAX)) return 'invalid';
    if ((id !== '' && !isKeyField(id, ID_MAX)) || payload.includes('\0')) return 'invalid';
    const { numbered } = this.#keys;
    // A unit of UTF-16 has at most three bytes: most payloads fit without being measured.
    if (payload.length * 3 <= SAFE_VALUE) {
      batch.push(this.#key, id, numbered ? 0 : undefined, payload);
      return 1;
    }
    const bytes = Buffer.from(payload);
    const ends = chunksOf(bytes);
    if (ends === undefined) return 'too_large';
    const shared = id || randomUUID();
    ends.forEach((end, index) => {
      const chunk = bytes.subarray(ends[index - 1] ?? 0, end);
      batch.push(this.#key, shared, numbered ? index : undefined, chunk);
    });
    return ends.length;
  }

  /** Makes the key of an entry but for its id; `false` for a name that can't stand in one. */
  #readKey(entry: Entry): boolean {
    const { kind, name, time } = entry;
    const last = this.#last;
    const word = wordOf(this.#keys, entry);
    if (word !== last.word || name !== last.name) {
      if (!isKeyField(name, this.#keys.nameMax)) return false;
      this.#key.head = Buffer.from(keyHead(this.#keys, word, name));
      last.word = word;
      last.name = name;
    }
    const isFinish = kind === 'finish';
    if (isFinish || time !== last.time) {
      this.#key.tail = Buffer.from(keyTail(this.#keys, detailsOf(entry)));
      // Only starts and events of the same millisecond share a tail.
      last.time = isFinish ? NaN : time;
    }
    return true;
  }
}

function detailsOf({
  kind,
  time,
  seconds,
}: Entry): Pick<KeyFields, 'time' | 'encoding' | 'result' | 'seconds'> {
  if (kind !== 'finish') return { time, encoding: 'none', result: undefined, seconds: undefined };
  const result = isFailure(seconds) ? 'fail' : 'success';
  return { time, encoding: 'none', result, seconds: Math.abs(seconds) };
}

/** Whether the queue keeps room for an entry: an error, a warning or a finish. */
export function isImportant({ kind, level }: Entry): boolean {
  return level <= WARN || kind === 'finish';
}

/** Whether the seconds of a finish say that it failed. */
export function isFailure(seconds: number): boolean {
  return seconds < 0 || Object.is(seconds, -0);
}

/** Where the chunks of a payload end, each at a character; `undefined` when there are too many. */
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
