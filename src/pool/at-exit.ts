/** How long all writers together may hold up a process that ends, in milliseconds. */
const DEADLINE = 500;

type Flush = (milliseconds: number) => void;

const flushes = new Set<Flush>();
let listening = false;
let deadline: number | undefined;

/** Calls `flush` with the milliseconds it has when the process (in a worker: the thread) exits; returns how to take that back. */
export function atExit(flush: Flush): () => void {
  if (!listening) {
    listening = true;
    process.on('exit', () => {
      for (const each of flushes) each(exitTimeLeft() ?? 0);
    });
  }
  flushes.add(flush);
  return () => flushes.delete(flush);
}

/** Once the process exits, the milliseconds that are left; before, `undefined`. */
function exitTimeLeft(): number | undefined {
  deadline ??= performance.now() + DEADLINE;
  return Math.max(0, deadline - performance.now());
}
