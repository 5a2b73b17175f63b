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

/** Frames entries into records: the twin of diag.rs, byte for byte. */
export class Framer {
  readonly #prefix: string;

  /** Throws `FieldError` for an `agent` or `vmId` that can't stand in a key. */
  constructor(agent: string, vmId: string) {
    check('agent', agent, AGENT_MAX);
    check('vm_id', vmId, ID_MAX);
    this.#prefix = `DIAG|${agent}|${vmId}|`;
  }

  /** Its records, or why it has none. */
  frame(entry: Entry): Buffer | 'too_large' | 'invalid' {
    const { name, id, payload } = entry;
    if (!isLegal(name, NAME_MAX) || (id !== '' && !isLegal(id, ID_MAX)) || payload.includes('\0'))
      return 'invalid';
    const bytes = Buffer.from(payload);
    const cuts = chunksOf(bytes);
    if (cuts === undefined) return 'too_large';
    const records = Buffer.alloc(cuts.length * RECORD_SIZE);
    const key = this.#key(entry);
    cuts.forEach((end, index) => {
      records.write(key + index, index * RECORD_SIZE);
      bytes.copy(records, index * RECORD_SIZE + KEY_SIZE, cuts[index - 1] ?? 0, end);
    });
    return records;
  }

  #key({ kind, name, id, time, seconds }: Entry): string {
    const start = `${this.#prefix}${kind}|${name}|${id || randomUUID()}|${new Date(time).toISOString()}|none|`;
    if (kind !== 'finish') return `${start}||`;
    const failed = seconds < 0 || Object.is(seconds, -0);
    return `${start}${failed ? 'fail' : 'success'}|${Math.abs(seconds).toFixed(6)}|`;
  }
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
  return field !== '' && !/[|\0]/.test(field) && Buffer.byteLength(field) <= limit;
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
