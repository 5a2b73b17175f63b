/** How long all flushes together may delay the end of the process, in milliseconds. */
const DEADLINE = 500;

type Flush = (milliseconds: number) => void;

const flushes = new Set<Flush>();
let deadline: number | undefined;

/** Calls `flush` when the process exits (in a worker: the thread), with the milliseconds that are left. Returns a function that undoes this. */
export function atExit(flush: Flush): () => void {
  if (flushes.size === 0) process.on('exit', flushNow);
  flushes.add(flush);
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) process.off('exit', flushNow);
  };
}

/** Flushes all outputs of this thread now, because the process is about to end. */
export function flushNow(): void {
  for (const each of flushes) {
    try {
      each(exitTimeLeft());
    } catch {
      // The other flushes and the program's own listeners must still run.
    }
  }
}

/** How much of the time for flushes is left once the process exits, in milliseconds. */
export function exitTimeLeft(): number {
  deadline ??= performance.now() + DEADLINE;
  return Math.max(0, deadline - performance.now());
}

/** Blocks the thread for so many milliseconds. */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
