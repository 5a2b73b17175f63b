import type { PoolRecord } from '../pool/record.ts';

/** What one or more records of a pool tell; members that are optional are absent where nothing is known. */
export interface Diagnostic {
  format: 'diag';
  /** A span begins or ends, or something is observed. */
  kind: 'start' | 'finish' | 'event';
  /** Who wrote it, `name/version`. */
  agent: string;
  vmId: string;
  /** Of the operation or observation, in full. */
  name: string;
  /** Shared by a span's start and finish. */
  id: string;
  time: Date;
  /** A finish has one. */
  result?: 'success' | 'fail';
  /** In seconds; a finish has one. */
  duration?: number;
  /** In upper case. */
  level?: string;
  target?: string;
  /** Without the message; has no prototype. */
  fields: Record<string, unknown>;
  message?: string;
  /** The whole payload, decoded. */
  text: string;
  /** The `id` of the span around a span. */
  parent?: string;
  /** The `id` of the span around an event. */
  span?: string;
  /** OpenTelemetry's, in hex. */
  traceId?: string;
  /** OpenTelemetry's, in hex. */
  spanId?: string;
  /** Which records of the pool it lies in, ascending, from 0. */
  records: number[];
}

/** Why records can't be interpreted. */
export type ProblemReason =
  'unsupported_version' | 'incomplete_group' | 'duplicate_chunk' | 'undecodable' | 'malformed';

/** Why something can't be interpreted, before it is known which records it is about. */
export interface Refusal {
  reason: ProblemReason;
  message: string;
}

/** Records that belong to a known format and can't be interpreted. */
export interface RecordProblem extends Refusal {
  /** Which records of the pool, ascending, from 0. */
  records: number[];
}

/** Recognises one format: takes the records of a pool in order, then tells what they say. */
export interface Collector {
  /** Whether the record, the `index`th of its pool, is of this format. */
  take(record: PoolRecord, index: number): boolean;
  /** In the order of their first records. */
  finish(): (Diagnostic | RecordProblem)[];
}
