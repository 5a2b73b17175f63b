import { diagKeyLayout } from '../../src/diagnostics/write/diag-layout.ts';
import { Batch } from '../../src/pool/fallback/batch.ts';
import { type Entry, Framer } from '../../src/pool/fallback/frame.ts';
import { KEY_SIZE, RECORD_SIZE } from '../../src/pool/limits.ts';

/** The pool that azure-init wrote. */
export const SAMPLE = '__test__/fixtures/samples/diag-azure-init.kvp_pool';

/** The VM of all records here, also of those in SAMPLE. */
export const VM = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

/** The parts of a key that differ from the usual ones. */
interface Given {
  kind?: string;
  name?: string;
  id?: string;
  time?: string;
  encoding?: string;
  result?: string;
  duration?: string;
  chunk?: number | string;
}

/** The key of a DIAG record. */
export function keyOf(given: Given = {}): string {
  const { kind = 'event', name = 'work', id = 'e1', time = '2026-11-22T18:09:14.704Z' } = given;
  const { encoding = 'none', result = '', duration = '', chunk = 0 } = given;
  return `DIAG|agent/1|${VM}|${kind}|${name}|${id}|${time}|${encoding}|${result}|${duration}|${chunk}`;
}

/** The payload of a DIAG record, as JSON. */
export function payload(message: string, more: object = {}): string {
  return JSON.stringify({ target: 'app', level: 'INFO', fields: { message }, ...more });
}

/** The bytes of a pool with these records. */
export function bytesOf(...records: (readonly [key: string | Buffer, value: string | Buffer])[]): Buffer {
  const pool = Buffer.alloc(records.length * RECORD_SIZE);
  records.forEach(([key, value], i) => {
    Buffer.from(key as string).copy(pool, i * RECORD_SIZE);
    Buffer.from(value as string).copy(pool, i * RECORD_SIZE + KEY_SIZE);
  });
  return pool;
}

/** The records of an entry, as the writer frames them. */
export function framedBytes(entry: Entry): Buffer {
  const batch = new Batch();
  new Framer(diagKeyLayout('agent/1', VM)).frame(entry, batch);
  return batch.bytes;
}

/** A record that nothing is wrong with. */
export const good: [string, string] = [keyOf({ id: 'good' }), payload('good')];
