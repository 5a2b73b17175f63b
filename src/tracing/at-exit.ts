import { performance } from './timers.ts';

/** How long all outputs together may hold up a process that ends, in milliseconds. */
const DEADLINE = 500;

/**
 * Writes what waits in this thread, for so many milliseconds at most. With `isLast` the process ends: what can't
 * be written in that time never will be.
 */
type Flush = (milliseconds: number, isLast: boolean) => void;

const flushes = new Set<Flush>();
let deadline: number | undefined;

/** Has `flush` called when the process (in a worker: the thread) exits; returns how to take that back. */
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

/** Writes what waits in this thread, because the process may end soon; all outputs together have so many milliseconds. */
export function writeThrough(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  for (const each of flushes) attempt(each, Math.max(0, until - performance.now()), false);
}

function attempt(flush: Flush, milliseconds: number, isLast: boolean): void {
  try {
    flush(milliseconds, isLast);
  } catch {
    // The others, and the program's own listeners, must have their turn.
  }
}

/** How much of the time for flushes is left once the process exits, in milliseconds. */
export function exitTimeLeft(): number {
  deadline ??= performance.now() + DEADLINE;
  return Math.max(0, deadline - performance.now());
}
