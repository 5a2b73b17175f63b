import type { KvpError } from '../errors.ts';
import type { Level } from '../tracing/level.ts';
import type { KeyLayout } from './key-layout.ts';

/** What writes to pools and reads them: the native core (`native`), or the fallback in TypeScript (`js`). */
export type Backend = 'native' | 'js';

/** The record that reports how many entries were dropped. A writer adds it at its end if any were. */
export interface DropReport {
  /** The name in the record's key. */
  readonly name: string;
  /**
   * The format of its payload: `'json'` as `{"target":…,"level":"WARN","fields":{…}}`, `'debug'` as
   * `Time: … | Event: …`, with values in the format of Rust's `Debug`.
   */
  readonly style: 'json' | 'debug';
}

/** Why an entry was dropped. */
export type DropReason = 'queue' | 'budget' | 'too_large' | 'invalid' | 'lock' | 'io' | 'closed';

/**
 * The numbers of dropped entries, by reason and level. An entry is an event, or the start or finish of a
 * span.
 */
export type Dropped = Partial<Record<DropReason, Partial<Record<Level, number>>>>;

/**
 * The counts of a writer. An entry is an event, or the start or finish of a span; it may need several
 * records.
 */
export interface WriterStats {
  backend: Backend;
  /** Entries that the writer was given. */
  accepted: number;
  /** Entries that are in the file. */
  written: number;
  /** Records that are in the file. */
  records: number;
  /**
   * Records that were in the pool after an append and were missing at the next one or at a flush: the pool was
   * deleted, cleared, renamed or mounted over, or a program that takes no lock, to the fallback also
   * `hv_kvp_daemon`, rewrote it without the records that were appended between its read and its write.
   */
  missing: number;
  /** Bytes in the queue. */
  queuedBytes: number;
  dropped: Dropped;
  lastError?: KvpError;
}

export interface WriterOptions {
  path: string;
  keys: KeyLayout;
  dropReport: DropReport;
  maxRecords: number;
  queueBytes: number;
  /** Whether each start reserves room for its finish. */
  reservesFinishes: boolean;
  /** Write each entry before the call that emits it returns, unless another process holds a lock. */
  writeThrough: boolean;
  /** Empty a pool that was last changed before this time, in seconds since 1970. */
  staleBefore?: number;
}

/**
 * Writes diagnostics to a pool. Only `wait` and `close` wait. Levels are numbers from 1 (ERROR) to 5
 * (TRACE). With a handle of 0 the text passed as `name` is used.
 */
export interface PoolWriter {
  readonly backend: Backend;
  /** A handle for a valid name; 0 if there are too many handles already. */
  name(text: string): number;
  start(handle: number, level: number, payload: string, id: string, name: string): void;
  event(handle: number, level: number, payload: string, name: string): void;
  /** `seconds` is the duration, negated if the span failed. */
  finish(handle: number, level: number, payload: string, id: string, name: string, seconds: number): void;
  /** A position in the queue: everything emitted so far is before it. */
  position(): number;
  /** Whether everything before `position` is written or counted as dropped. If not, wakes the writer. */
  isDrained(position: number): boolean;
  /** Whether the pool could not be opened when that was last tried; until it can, nothing is written. */
  cannotOpen(): boolean;
  /** Asks for a look where the written records are now; `missing` says how many are gone once everything is drained. */
  requestLook(): void;
  /** Asks for the drop report, which is written if anything was dropped since the last one. */
  requestDropReport(): void;
  /**
   * Blocks until everything emitted so far is written, or for so many milliseconds; returns whether it is.
   */
  wait(milliseconds: number): boolean;
  /** Writes what it can within so many milliseconds, then closes; the rest is dropped and counted. */
  close(milliseconds: number): void;
  stats(): WriterStats;
}
