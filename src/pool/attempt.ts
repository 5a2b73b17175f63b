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

/** Tells what stays of a file, as a torn tail, from what another process has not finished. */
export class Tail {
  #seen: { size: number; mtimeMs: number; since: number } | undefined;

  /** Whether the file is whole, by default if it ends at a record boundary, or has stayed unchanged for so many milliseconds. */
  isSettled({ size, mtimeMs }: Stats, isWhole = size % RECORD_SIZE === 0, after = TORN_AFTER): boolean {
    const seen = this.#seen;
    if (isWhole) this.#seen = undefined;
    else if (seen?.size === size && seen.mtimeMs === mtimeMs) return uptimeMillis() - seen.since >= after;
    else this.#seen = { size, mtimeMs, since: uptimeMillis() };
    return this.#seen === undefined;
  }
}
