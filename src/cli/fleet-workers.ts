import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../errors.ts';
import { type FleetRow, rowOf, unreadRow } from './fleet/row.ts';

/** Below so many pools for each, a thread takes longer to start than it saves. */
const POOLS_MIN = 16;
/** Paths that a thread has at a time: one that it reads and one that waits, so that it never does. */
const IN_FLIGHT = 2;

/** Relative to a file of `src/cli` and of the chunks that the build makes of it. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../cli/fleet-worker.ts' : '../cli/fleet-worker.cjs',
  import.meta.url,
);

/**
 * Reads pools on all cores, each once, and passes on the row of each, in any order. What ends a thread, such as a pool
 * that takes more memory than there is, costs the row of that pool only.
 */
export async function readFleet(paths: readonly string[], onRow: (row: FleetRow) => void): Promise<void> {
  const queue = new Queue(paths);
  const threads = Math.min(availableParallelism(), Math.floor(paths.length / POOLS_MIN));
  if (threads > 1) await Promise.all(Array.from({ length: threads }, () => readInThreads(queue, onRow)));
  // Few pools, or what is left where no thread could be started.
  for (let path = queue.take(); path !== undefined; path = queue.take()) {
    onRow(rowOf(path));
    await setImmediate();
  }
}

/** Reads in one thread at a time until there is nothing left, or none can be started. */
async function readInThreads(queue: Queue, onRow: (row: FleetRow) => void): Promise<void> {
  while (queue.hasMore && (await readInThread(queue, onRow)));
}

/** Resolves when the thread has ended, with whether it had started. */
function readInThread(queue: Queue, onRow: (row: FleetRow) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const worker = new Worker(WORKER);
    const inFlight: string[] = [];
    let isReady = false;
    let failure: unknown;
    worker.on('message', (row: FleetRow | undefined) => {
      isReady = true;
      if (row !== undefined) {
        inFlight.shift();
        onRow(row);
      }
      while (inFlight.length < IN_FLIGHT) {
        const path = queue.take();
        if (path === undefined) break;
        inFlight.push(path);
        worker.postMessage(path);
      }
      if (inFlight.length === 0) void worker.terminate();
    });
    worker.on('error', (error) => (failure = error));
    worker.on('exit', () => {
      // It was reading the first of them.
      const [path, ...others] = inFlight;
      if (path !== undefined) onRow(unreadRow(path, `reading it failed: ${messageOf(failure)}`));
      queue.putBack(others);
      resolve(isReady);
    });
  });
}

/** Paths that no thread has yet. */
class Queue {
  readonly #paths: readonly string[];
  readonly #again: string[] = [];
  #next = 0;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get hasMore(): boolean {
    return this.#again.length > 0 || this.#next < this.#paths.length;
  }

  take(): string | undefined {
    return this.#again.pop() ?? this.#paths[this.#next++];
  }

  putBack(paths: readonly string[]): void {
    this.#again.push(...paths);
  }
}
