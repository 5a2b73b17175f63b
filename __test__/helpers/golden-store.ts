import { readFileSync, writeFileSync } from 'node:fs';
import type { Defect } from '../../src/pool/edit.ts';
import { bytesOf } from './diag-records.ts';

/** Text, or bytes where they are none. */
type Field = string | { hex: string };
type Records = [key: Field, value: Field][];

/** A case of what becomes of a pool; the core's tests stand on them as well (crates/kvp/tests/store.rs). */
export interface GoldenCase {
  title: string;
  /** What is in the file; `null` where there is none. */
  before: Records | null;
  /** Bytes of a torn record behind that. */
  tail?: number;
  op: 'append' | 'set' | 'delete' | 'load' | 'clear' | 'repair';
  records?: [key: string, value: string][];
  keys?: string[];
  maxKeys?: number;
  result?: number | [record: number, reason: string, field: string | null][];
  /** The error's code. */
  error?: string;
  after: Records | null;
}

export const GOLDEN = JSON.parse(
  readFileSync(new URL('../fixtures/golden/store.json', import.meta.url), 'utf8'),
) as readonly GoldenCase[];

/** The bytes that a case speaks of; `undefined` where there is no file. */
export function goldenBytes(records: Records | null): Buffer | undefined {
  const bytes = (field: Field) => (typeof field === 'string' ? field : Buffer.from(field.hex, 'hex'));
  return records === null
    ? undefined
    : bytesOf(...records.map(([key, value]) => [bytes(key), bytes(value)] as const));
}

/** The first bytes of a record. */
export function tornRecord(bytes: number): Buffer {
  return bytesOf(['torn', 'x'.repeat(2000)]).subarray(0, bytes);
}

/** Lays out what is there before a case. */
export function layOut({ before, tail = 0 }: GoldenCase, path: string): void {
  const whole = goldenBytes(before);
  if (whole !== undefined) writeFileSync(path, Buffer.concat([whole, tornRecord(tail)]));
}

/** What is in a file; `undefined` where there is none. */
export function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Defects as the cases spell them. */
export function spelled(defects: readonly Defect[]): [number, string, string | null][] {
  return defects.map(({ record, reason, field }) => [record, reason, field ?? null]);
}
