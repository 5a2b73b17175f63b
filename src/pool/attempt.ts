import type { Stats } from 'node:fs';
import { RECORD_SIZE } from './limits.ts';
import { performance } from '../tracing/timers.ts';

/**
 * How an attempt that never waits for a lock ended: done with a result, or held up by somebody's lock
 * (`busy`) or by a file that ends in the middle of a record (`unsettled`).
 */
export type Attempt<R> = { readonly done: R } | 'busy' | 'unsettled';

/** A tail off a record boundary may be somebody's append half-way; after so many milliseconds it is torn. */
export const TORN_AFTER = 300;

/** Tells a torn tail from an append that is half-way. */
export class Tail {
  #seen: { size: number; mtimeMs: number; since: number } | undefined;

  /** Whether the file ends at a record, or has ended where it does for long enough to be torn. */
  isSettled({ size, mtimeMs }: Stats): boolean {
    const seen = this.#seen;
    if (size % RECORD_SIZE === 0) this.#seen = undefined;
    else if (seen?.size === size && seen.mtimeMs === mtimeMs)
      return performance.now() - seen.since >= TORN_AFTER;
    else this.#seen = { size, mtimeMs, since: performance.now() };
    return this.#seen === undefined;
  }
}
