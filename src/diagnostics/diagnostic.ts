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
  if (vmId !== last.vmId || agent !== last.agent) last = { vmId, agent, producer: `${vmId}|${agent}` };
  return last.producer;
}

/** Asked for several times for each record, mostly of the same producer: one text, which is hashed once. */
let last = { vmId: '', agent: '', producer: '|' };

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

/** Records of one producer that are this much out of order, in milliseconds, say that its clock was set back. */
export const STEP_MIN = 1000;

/**
 * Sorts events by time, then by record. Where one lies more than `tolerance` milliseconds before an earlier record of
 * its producer, that one's clock was set back, and its order counts; unless the event was written later than it happened.
 */
export function sortEvents(events: Diagnostic[], tolerance: number): void {
  const latest = new Map<string, number>();
  const moments = new Map<Diagnostic, number>();
  for (const event of events.sort(byRecord)) {
    const producer = producerOf(event);
    const time = event.time.getTime();
    const before = latest.get(producer) ?? time;
    const isSetBack = event.written === undefined && before - time > tolerance;
    moments.set(event, isSetBack ? before : time);
    if (event.written === undefined) latest.set(producer, Math.max(before, time));
  }
  const momentOf = (event: Diagnostic): number => moments.get(event) as number;
  events.sort((one, other) => momentOf(one) - momentOf(other) || byRecord(one, other));
}
