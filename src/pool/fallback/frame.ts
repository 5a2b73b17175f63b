import { randomUUID } from 'node:crypto';
import type { Verbosity } from '../../tracing/level.ts';
import {
  isKeyField,
  type KeyFields,
  type KeyLayout,
  checkKeyLayout,
  keyHead,
  keyTail,
  type Kind,
  wordOf,
} from '../key-layout.ts';
import { ID_MAX, SAFE_VALUE, SECONDS_MAX } from '../limits.ts';
import { chunksOf } from '../record.ts';
import type { Batch, Key } from './batch.ts';

/** Verbosities that decide how much room an entry has. */
export const WARN: Verbosity = 2;
export const INFO: Verbosity = 3;

/** An event, or the start or finish of a span. */
export interface Entry {
  kind: Kind;
  /** From 1 (ERROR) to 5 (TRACE). */
  level: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Empty for an event, whose key gets a new UUID. */
  id: string;
  name: string;
  payload: string;
  /** The duration, for a finish; negated if the span failed. */
  seconds: number;
}

/** Makes records of entries; the counterpart of frame.rs, with the same bytes. */
export class Framer {
  readonly #keys: KeyLayout;
  /**
   * The last key and its parts. They are reused, because most events have the span and millisecond of the
   * one before.
   */
  readonly #key: Key = { head: Buffer.alloc(0), tail: Buffer.alloc(0) };
  readonly #last = { word: '', name: '', time: NaN };

  /** Throws `FieldError` for an invalid layout. */
  constructor(keys: KeyLayout) {
    checkKeyLayout(keys);
    this.#keys = keys;
  }

  /**
   * Adds the records of an entry to `batch` and returns their number, or adds none and returns the reason.
   */
  frame(entry: Entry, batch: Batch): number | 'too_large' | 'invalid' {
    const { id, payload } = entry;
    if (!this.#makeKey(entry)) return 'invalid';
    // Neither NaN nor more digits than a key has room for.
    if (!(Math.abs(entry.seconds) < SECONDS_MAX)) return 'invalid';
    if ((id !== '' && !isKeyField(id, ID_MAX)) || payload.includes('\0')) return 'invalid';
    const { numbered } = this.#keys;
    // A UTF-16 unit takes at most three bytes, so most payloads need not be measured.
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

  /** Makes the key of an entry without its id; returns `false` if the name can't be in a key. */
  #makeKey(entry: Entry): boolean {
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

/** Bytes of memory that an entry takes besides its texts. */
const ENTRY_BYTES = 120;

/** About how much memory an entry takes. */
export function sizeOf(entry: Entry): number {
  return entry.payload.length + entry.name.length + ENTRY_BYTES;
}

/** Whether the queue keeps room for an entry: an error, a warning or a finish. */
export function isImportant({ kind, level }: Entry): boolean {
  return level <= WARN || kind === 'finish';
}

/** Whether the seconds of a finish mean that the span failed. */
export function isFailure(seconds: number): boolean {
  return seconds < 0 || Object.is(seconds, -0);
}
