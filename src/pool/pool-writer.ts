import type { KvpError } from '../errors.ts';
import type { Level } from '../tracing/level.ts';
import type { KeyLayout } from './key-layout.ts';

/** Which writer is used: the native core or the one in TypeScript. */
export type Backend = 'native' | 'js';

/** The last record of a writer, which says what was dropped, if anything was. */
export interface DropReport {
  /** The name in its key. */
  readonly name: string;
  /**
   * How its payload is spelled: `'json'` as `{"target":…,"level":"WARN","fields":{…}}`, `'debug'` as
   * `Time: … | Event: …` with values as Rust's `Debug` spells them.
   */
  readonly style: 'json' | 'debug';
}

/** Why something was dropped. */
export type DropReason = 'queue' | 'budget' | 'too_large' | 'invalid' | 'lock' | 'io' | 'closed';

/** How many spans' starts and finishes and events were dropped, by reason and level. */
export type Dropped = Partial<Record<DropReason, Partial<Record<Level, number>>>>;

/** What became of everything that a writer was given; an entry may need several records. */
export interface WriterStats {
  backend: Backend;
  /** Entries offered. */
  accepted: number;
  /** Entries that are in the file. */
  written: number;
  /** Records that are in the file. */
  records: number;
  /**
   * Records by which the pool was found shorter than it had been left after an append: it was deleted or
   * cleared, or `hv_kvp_daemon` rewrote it without what came between its read and its write.
   */
  missing: number;
  /** Bytes that wait in the queue. */
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
  /** Whether starts are followed by finishes, for which room is kept. */
  reservesFinishes: boolean;
  /** Write what is emitted before the emit returns, unless somebody holds a lock. */
  writeThrough: boolean;
  /** Empty a pool that was last changed before this second since 1970. */
  staleBefore?: number;
}

/**
 * Writes diagnostics into a pool. Nothing here waits but `wait` and `close`; levels are numbers from
 * 1 (ERROR) to 5 (TRACE); a handle of 0 stands for the name that is passed.
 */
export interface PoolWriter {
  readonly backend: Backend;
  /** A handle for a legal name, 0 when there are too many. */
  name(text: string): number;
  start(handle: number, level: number, payload: string, id: string, name: string): void;
  event(handle: number, level: number, payload: string, name: string): void;
  /** `seconds` are negative when the span failed. */
  finish(handle: number, level: number, payload: string, id: string, name: string, seconds: number): void;
  /** Everything emitted so far lies before this position. */
  position(): number;
  /** Whether all before `position` is written or counted; hurries the writer if not. */
  isDrained(position: number): boolean;
  /** Whether the pool's folder did not exist when it was last looked for; until it comes nothing can be written. */
  missesFolder(): boolean;
  /** Asks for a last record that says what was dropped, if anything was. */
  requestDropReport(): void;
  /** Blocks until everything emitted so far is written, or for so many milliseconds. */
  wait(milliseconds: number): boolean;
  /** Ends it: what can't be written at once is dropped and counted. */
  close(milliseconds: number): void;
  stats(): WriterStats;
}
