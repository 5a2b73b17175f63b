/** How long all outputs together may hold up a process that ends, in milliseconds. */
const DEADLINE = 500;

type Flush = (milliseconds: number) => void;

const flushes = new Set<Flush>();
let deadline: number | undefined;

/** Calls `flush` with the milliseconds it has when the process (in a worker: the thread) exits; returns how to take that back. */
export function atExit(flush: Flush): () => void {
  if (flushes.size === 0) process.on('exit', flushNow);
  flushes.add(flush);
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) process.off('exit', flushNow);
  };
}

/** Flushes everything in this thread, because the process ends now. */
export function flushNow(): void {
  for (const each of flushes) {
    try {
      each(exitTimeLeft());
    } catch {
      // The others, and the program's own listeners, must have their turn.
    }
  }
}

/** The milliseconds that are left once the process exits. */
export function exitTimeLeft(): number {
  deadline ??= performance.now() + DEADLINE;
  return Math.max(0, deadline - performance.now());
}
