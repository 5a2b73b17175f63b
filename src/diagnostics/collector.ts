/** What a format's collector makes of the records of one payload; members are absent where nothing is known. */
export interface Parsed {
  /** A span started or finished, or something was observed. */
  kind: 'start' | 'finish' | 'event';
  /** Who wrote it: `name/version`; in azure-init's older layout `name-version`; of cloud-init `cloud-init` alone. */
  agent: string;
  /** Empty where it is not recorded, as by cloud-init before 2025. */
  vmId: string;
  /** The full name of the span or of the event. */
  name: string;
  /** In format `diag` the start and the finish of a span have the same; elsewhere each has its own. */
  id: string;
  /** When it happened; of a finish its end. In azure-init's older layout, which has no starts, a finish has the start. */
  time: Date;
  /** When it was written, if that was later than it happened. */
  written?: Date;
  /** When the system was booted that it was written in, to the second, by its clock then; only cloud-init says it. */
  bootTime?: Date;
  /** The end of a span whose finish has the start in `time`. */
  end?: Date;
  /** A finish has one, unless its format records none or another word, as cloud-init's `WARN`. */
  result?: 'success' | 'fail';
  /** Why the span of a finish failed, if the producer says it. */
  reason?: string;
  /** The messages of the causes of `reason`, the nearest first. */
  sources?: string[];
  /** In seconds. */
  duration?: number;
  /** In upper case. */
  level?: string;
  target?: string;
  /** Without the message; has no prototype. */
  fields: Record<string, unknown>;
  message?: string;
  /** The whole payload, decoded; bytes that are not UTF-8 are U+FFFD. */
  text: string;
  /** The decoded payload where it is not UTF-8. */
  bytes?: Uint8Array;
  /** The `id` of a span's parent. */
  parent?: string;
  /** The `id` of the span that an event happened in. */
  span?: string;
  /** OpenTelemetry's trace id, 32 hexadecimal digits. */
  traceId?: string;
  /** OpenTelemetry's span id, 16 hexadecimal digits. */
  spanId?: string;
  /** That of the span around it, where it is of another program or of another instrumentation. */
  parentSpanId?: string;
  /** How often the span of a finish was entered. */
  entered?: number;
  /** For how many seconds the span of a finish was entered. */
  busy?: number;
  /** For how many seconds the span of a finish was open and not entered. */
  idle?: number;
}

/** Why records can't be interpreted. */
export type ProblemReason =
  'unsupported_version' | 'incomplete_group' | 'duplicate_chunk' | 'undecodable' | 'malformed' | 'torn_tail';

/** Why the records of one payload can't be interpreted. */
export interface ParseFailure {
  reason: ProblemReason;
  message: string;
}

/** Gets the records of one payload, by their numbers in the pool, ascending, and what they say. */
export type Collected = (records: number[], parsed: Parsed | ParseFailure) => void;

/** Recognises the records of one format and interprets them. */
export interface Collector {
  /** Whether the key, that of the record `index`, is of this format. Called in the order of the pool. */
  take(key: string, index: number): boolean;
  /** Interprets what was taken, one payload at a time. */
  finish(collected: Collected): void;
}

export function malformed(message: string): ParseFailure {
  return { reason: 'malformed', message };
}
