import { performance } from './performance.ts';

/** How long all flushes together may delay the end of the process, in milliseconds. */
const DEADLINE = 500;

/**
 * Writes what an output of this thread has queued, within so many milliseconds. With `isLast` the process ends, so what
 * is not written in that time is lost.
 */
type Flush = (milliseconds: number, isLast: boolean) => void;

const flushes = new Set<Flush>();
let deadline: number | undefined;

/** Calls `flush` when the process exits (in a worker: the thread). Returns a function that undoes this. */
export function atExit(flush: Flush): () => void {
  if (flushes.size === 0) process.on('exit', flushNow);
  flushes.add(flush);
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) process.off('exit', flushNow);
  };
}

/** Flushes all outputs of this thread now, because the process is about to end. */
export function flushNow(): void {
  for (const each of flushes) attempt(each, exitTimeLeft(), true);
}

/** Writes what all outputs of this thread have queued, because the process may end soon. They have so many milliseconds together. */
export function writeThrough(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  for (const each of flushes) attempt(each, Math.max(0, until - performance.now()), false);
}

function attempt(flush: Flush, milliseconds: number, isLast: boolean): void {
  try {
    flush(milliseconds, isLast);
  } catch {
    // The other flushes and the program's own listeners must still run.
  }
}

/** How much of the time for flushes is left once the process exits, in milliseconds. */
export function exitTimeLeft(): number {
  deadline ??= performance.now() + DEADLINE;
  return Math.max(0, deadline - performance.now());
}
