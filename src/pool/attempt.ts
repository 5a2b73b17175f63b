import type { Stats } from 'node:fs';
import { RECORD_SIZE } from './limits.ts';
import { uptimeMillis } from '../tracing/timers.ts';

/**
 * The outcome of one attempt, which never waits: it is `done` with a result, another process holds a lock or
 * changed the file meanwhile (`busy`), or the file ends in the middle of a record (`unsettled`).
 */
export type Attempt<R> = { readonly done: R } | 'busy' | 'unsettled';

/**
 * Milliseconds that a file which ends in the middle of a record must stay unchanged before its tail counts
 * as torn. Until then another process may still be appending.
 */
export const TORN_AFTER = 300;

/** Tells a torn tail from an append that another process has not finished. */
export class Tail {
  #seen: { size: number; mtimeMs: number; since: number } | undefined;

  /** Whether the file ends at a record boundary, or its tail has stayed unchanged long enough to be torn. */
  isSettled({ size, mtimeMs }: Stats): boolean {
    const seen = this.#seen;
    if (size % RECORD_SIZE === 0) this.#seen = undefined;
    else if (seen?.size === size && seen.mtimeMs === mtimeMs)
      return uptimeMillis() - seen.since >= TORN_AFTER;
    else this.#seen = { size, mtimeMs, since: uptimeMillis() };
    return this.#seen === undefined;
  }
}
