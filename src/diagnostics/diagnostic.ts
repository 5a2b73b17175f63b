import type { PoolRecord } from '../pool/record.ts';

/** Who laid the records out: the diagnostics contract, azure-init's older layout, or cloud-init. */
export type DiagnosticFormat = 'diag' | 'azure-init' | 'cloud-init';

/** What one or more records of a pool tell; members that are optional are absent where nothing is known. */
export interface Diagnostic {
  format: DiagnosticFormat;
  /** A span begins or ends, or something is observed. */
  kind: 'start' | 'finish' | 'event';
  /** Who wrote it: `name/version`, in the older layout `name-version`, and just `cloud-init`. */
  agent: string;
  /** Empty where it is not recorded, as by cloud-init before 2025. */
  vmId: string;
  /** Of the operation or observation, in full. */
  name: string;
  /** Shared by a span's start and finish in format `diag`; elsewhere each record has its own. */
  id: string;
  /** When it happened: of a finish the end; in azure-init's older layout, where spans have no start, the start. */
  time: Date;
  /** When the span of such a finish ended. */
  end?: Date;
  /** A finish has one, unless its format has no such thing or its word is neither, as cloud-init's `WARN`. */
  result?: 'success' | 'fail';
  /** In seconds. */
  duration?: number;
  /** In upper case. */
  level?: string;
  target?: string;
  /** Without the message; has no prototype. */
  fields: Record<string, unknown>;
  message?: string;
  /** The whole payload, decoded; what is no UTF-8 is U+FFFD. */
  text: string;
  /** The payload, decoded, where it is no UTF-8. */
  bytes?: Uint8Array;
  /** The `id` of the span around a span. */
  parent?: string;
  /** The `id` of the span around an event. */
  span?: string;
  /** OpenTelemetry's, in hex. */
  traceId?: string;
  /** OpenTelemetry's, in hex. */
  spanId?: string;
  /** How often the span of a finish was entered, and for how many seconds it was in all, and was not. */
  entered?: number;
  busy?: number;
  idle?: number;
  /** Which records of the pool it lies in, ascending, from 0. */
  records: number[];
}

/** What a format's reader makes of a payload's records. */
export type Parsed = Omit<Diagnostic, 'records'>;

/** Why records can't be interpreted. */
export type ProblemReason =
  'unsupported_version' | 'incomplete_group' | 'duplicate_chunk' | 'undecodable' | 'malformed';

/** Why something can't be interpreted, before it is known which records it is about. */
export interface ParseFailure {
  reason: ProblemReason;
  message: string;
}

/** Records that belong to a known format and can't be interpreted. */
export interface RecordProblem extends ParseFailure {
  /** Which records of the pool, ascending, from 0. */
  records: number[];
  /** Those records as they lie in the pool. */
  raw: PoolRecord[];
}

/** Recognises one format: takes the keys of a pool in order, then tells what their records say. */
export interface Collector {
  /** Whether the record with this key, the `index`th of its pool, is of this format. */
  take(key: string, index: number): boolean;
  /** What each group of records says, one at a time. */
  finish(): Iterable<{ records: number[]; told: Parsed | ParseFailure }>;
}

export function malformed(message: string): ParseFailure {
  return { reason: 'malformed', message };
}

/** Who said it, on which VM: ids and names are only told apart by that. */
export function producerOf({ vmId, agent }: Pick<Diagnostic, 'vmId' | 'agent'>): string {
  return `${vmId}|${agent}`;
}

/** Its first record of the pool. */
export function firstRecord({ records }: { records: readonly number[] }): number {
  return records[0] ?? 0;
}

/** In the order of time, and of equal times in that of the pool. */
export function byTime(one: Diagnostic, other: Diagnostic): number {
  return one.time.getTime() - other.time.getTime() || firstRecord(one) - firstRecord(other);
}
