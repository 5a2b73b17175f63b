import type { PoolRecord } from '../pool/record.ts';
import type { DiagnosticFormat } from './formats/format-table.ts';
import type { Parsed, ParseFailure } from './collector.ts';

/** What one or more records of a pool say; members are absent where nothing is known. */
export interface Diagnostic extends Parsed {
  format: DiagnosticFormat;
  /** The numbers of its records in the pool, ascending, from 0. */
  records: number[];
}

/** Records of a known format that can't be interpreted. */
export interface RecordProblem extends ParseFailure {
  /** Their numbers in the pool, ascending, from 0. */
  records: number[];
  /** The records themselves. */
  raw: PoolRecord[];
}

/** Who wrote it, on which VM: ids and names are unique only within a producer. */
export function producerOf({ vmId, agent }: Pick<Diagnostic, 'vmId' | 'agent'>): string {
  return `${vmId}|${agent}`;
}

/** The number of its first record. */
export function firstRecord({ records }: { records: readonly number[] }): number {
  return records[0] ?? 0;
}

/** Compares by the number of the first record. */
export function byRecord(one: { records: readonly number[] }, other: { records: readonly number[] }): number {
  return firstRecord(one) - firstRecord(other);
}

/** Compares by time, then by the number of the first record. */
export function byTime(one: Diagnostic, other: Diagnostic): number {
  return one.time.getTime() - other.time.getTime() || byRecord(one, other);
}
