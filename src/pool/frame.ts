import { randomUUID } from 'node:crypto';
import { FieldError } from '../errors.ts';
import { AGENT_MAX, CHUNKS_MAX, ID_MAX, KEY_SIZE, NAME_MAX, RECORD_SIZE, SAFE_VALUE } from './limits.ts';

/** A start, finish or event on its way to the pool. */
export interface Entry {
  kind: 'start' | 'finish' | 'event';
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

/**
 * Records laid out as they will be in the file. The buffer is reused: of a slot only what its last record
 * dirtied is zeroed again.
 */
export class Batch {
  #bytes: Buffer;
  #dirty: number[] = [];
  #length = 0;

  /** With room for `records`; it grows when there are more. */
  constructor(records = 128) {
    this.#bytes = Buffer.alloc(records * RECORD_SIZE);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length * RECORD_SIZE);
  }

  /** Adds a record of a key and a value that fit. */
  push(key: string, value: string | Buffer): void {
    const start = this.#length * RECORD_SIZE;
    if (start === this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], start * 2);
    }
    const bytes = this.#bytes;
    const keyEnd = start + bytes.write(key, start, KEY_SIZE - 1);
    const valueStart = start + KEY_SIZE;
    const valueLength =
      typeof value === 'string' ? bytes.write(value, valueStart) : value.copy(bytes, valueStart);
    const slot = this.#length * 2;
    const keyDirty = start + (this.#dirty[slot] ?? 0);
    const valueDirty = this.#dirty[slot + 1] ?? 0;
    if (keyDirty > keyEnd) bytes.fill(0, keyEnd, keyDirty);
    if (valueDirty > valueLength) bytes.fill(0, valueStart + valueLength, valueStart + valueDirty);
    this.#dirty[slot] = keyEnd - start;
    this.#dirty[slot + 1] = valueLength;
    this.#length++;
  }

  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** Moves `count` records from `from` to the earlier position `to`. */
  moveBack(from: number, to: number, count: number): void {
    this.#bytes.copyWithin(to * RECORD_SIZE, from * RECORD_SIZE, (from + count) * RECORD_SIZE);
    this.#dirty.copyWithin(to * 2, from * 2, (from + count) * 2);
  }
}

/** Frames entries into records: the twin of diag.rs, byte for byte. */
export class Framer {
  readonly #prefix: string;
  /** Parts of the last key: most events are of the same span and millisecond as the one before. */
  readonly #last = { kind: '', name: '', head: '', time: -1, tail: '' };

  /** Throws `FieldError` for an `agent` or `vmId` that can't stand in a key. */
  constructor(agent: string, vmId: string) {
    check('agent', agent, AGENT_MAX);
    check('vm_id', vmId, ID_MAX);
    this.#prefix = `DIAG|${agent}|${vmId}|`;
  }

  /** Adds its records to `batch` and says how many, or adds none and says why. */
  frame(entry: Entry, batch: Batch): number | 'too_large' | 'invalid' {
    const { id, payload } = entry;
    const head = this.#headOf(entry);
    if (head === undefined || (id !== '' && !isLegal(id, ID_MAX)) || payload.includes('\0')) return 'invalid';
    const key = `${head}${id || randomUUID()}${this.#tailOf(entry)}`;
    // A unit of UTF-16 has at most three bytes: most payloads fit without being measured.
    if (payload.length * 3 <= SAFE_VALUE) {
      batch.push(`${key}0`, payload);
      return 1;
    }
    const bytes = Buffer.from(payload);
    const ends = chunksOf(bytes);
    if (ends === undefined) return 'too_large';
    ends.forEach((end, index) => batch.push(key + index, bytes.subarray(ends[index - 1] ?? 0, end)));
    return ends.length;
  }

  /** A key up to its id, `undefined` for a name that can't stand in one. */
  #headOf({ kind, name }: Entry): string | undefined {
    if (kind !== this.#last.kind || name !== this.#last.name) {
      if (!isLegal(name, NAME_MAX)) return undefined;
      this.#last.head = `${this.#prefix}${kind}|${name}|`;
      this.#last.kind = kind;
      this.#last.name = name;
    }
    return this.#last.head;
  }

  /** A key from its id on, up to the index of its chunk. */
  #tailOf({ kind, time, seconds }: Entry): string {
    if (kind === 'finish') {
      const result = isFailure(seconds) ? 'fail' : 'success';
      return `|${new Date(time).toISOString()}|none|${result}|${Math.abs(seconds).toFixed(6)}|`;
    }
    if (time !== this.#last.time) {
      this.#last.tail = `|${new Date(time).toISOString()}|none|||`;
      this.#last.time = time;
    }
    return this.#last.tail;
  }
}

/** Whether the seconds of a finish say that it failed. */
export function isFailure(seconds: number): boolean {
  return seconds < 0 || Object.is(seconds, -0);
}

/** Where the chunks of a payload end, each at a character; `undefined` when there are too many. */
function chunksOf(bytes: Buffer): number[] | undefined {
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

function isLegal(field: string, limit: number): boolean {
  if (field === '' || field.includes('|') || field.includes('\0')) return false;
  return field.length * 3 <= limit || Buffer.byteLength(field) <= limit;
}

function check(field: string, given: string, limit: number): void {
  const actual = Buffer.byteLength(given);
  if (actual > limit) {
    throw new FieldError('ERR_KVP_FIELD_TOO_LONG', `${field} length (${actual}) exceeds maximum (${limit})`);
  }
  if (!isLegal(given, limit)) {
    const rule = "it must not be empty and must not contain '|' or NUL";
    throw new FieldError(
      'ERR_KVP_INVALID_FIELD',
      `${field} ${JSON.stringify(given)} is not allowed: ${rule}`,
    );
  }
}
