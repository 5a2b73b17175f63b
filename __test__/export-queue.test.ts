import { syncBuiltinESMExports } from 'node:module';
import nodeTimers from 'node:timers';
import test, { type ExecutionContext } from 'ava';
import type { ExportQueue, ExportRequest, ExportResponse } from '../src/opentelemetry/export/export-queue.ts';
import type { QueueOptions } from '../src/opentelemetry/export/queue-options.ts';

/** Pauses that the queue asked for, in milliseconds: they are over at once, unless they are held. */
const pauses: number[] = [];
let areHeld = false;
/** How far the queue's clock is ahead. */
let ahead = 0;

// The package takes clocks and timers when it is loaded.
const { setTimeout } = nodeTimers;
const { hrtime } = process;
nodeTimers.setTimeout = ((act: () => void, pause: number) => {
  pauses.push(pause);
  // The queue would not keep the event loop alive.
  const timer = setTimeout(act, areHeld ? 2 ** 30 : 0);
  return Object.assign(timer, { unref: () => timer });
}) as typeof setTimeout;
process.hrtime = (() => {
  const [seconds, nanoseconds] = hrtime();
  return [seconds + ahead / 1000, nanoseconds];
}) as typeof hrtime;
syncBuiltinESMExports();
const { ExportQueue: Queue } = await import('../src/opentelemetry/export/export-queue.ts');
nodeTimers.setTimeout = setTimeout;
process.hrtime = hrtime;
syncBuiltinESMExports();

interface Made {
  queue: ExportQueue;
  /** What it was told of spans: `taken` is not its business. */
  counts: { exported: number; failed: number };
  /** The names of requests in the order in which they were sent. */
  sent: string[];
  add(name: string, answers?: ExportResponse[], spans?: number, bytes?: number): void;
}

const RETRY = (error = new Error('not now'), after?: number): ExportResponse => ({
  retry: true,
  error,
  after,
});

/** Until the queue pauses; the pause is not over before the queue is told to send. */
async function paused(): Promise<void> {
  areHeld = true;
  while (pauses.length === 0) await new Promise((resolve) => setImmediate(resolve));
}

/** A queue whose requests are answered in turn by what is given, then by success. */
function made(t: ExecutionContext, limits?: QueueOptions): Made {
  pauses.length = 0;
  ahead = 0;
  areHeld = false;
  const counts = { exported: 0, failed: 0 };
  const queue = new Queue(
    {
      taken: () => t.fail(),
      exported: (spans) => (counts.exported += spans),
      failed: (spans) => (counts.failed += spans),
    },
    limits,
  );
  t.teardown(() => queue.close());
  const sent: string[] = [];
  let sending = 0;
  const add: Made['add'] = (name, answers = [], spans = 1, bytes = 1) => {
    const send = async (): Promise<ExportResponse> => {
      t.is(++sending, 1, 'one at a time');
      sent.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      sending--;
      return answers.shift() ?? { rejected: 0 };
    };
    queue.add({ body: new Uint8Array(bytes), spans, send } satisfies ExportRequest);
  };
  return { queue, counts, sent, add };
}

test.serial('requests are sent one at a time, the oldest first, and each until it is answered', async (t) => {
  const { queue, counts, sent, add } = made(t);
  add('a', [RETRY(), RETRY()], 2);
  add('b', [RETRY()], 3);
  add('c');
  await queue.drain();
  t.deepEqual(sent, ['a', 'a', 'a', 'b', 'b', 'c']);
  t.deepEqual(counts, { exported: 6, failed: 0 });
  t.is(queue.obstacle, undefined);
  await queue.drain();
  add('d');
  await queue.drain();
  t.is(sent.at(-1), 'd');
});

test.serial(
  'by default a pause is a second at first, then twice as long each time, up to half a minute',
  async (t) => {
    const { queue, add } = made(t);
    add(
      'a',
      Array.from({ length: 12 }, () => RETRY()),
    );
    await queue.drain();
    t.is(pauses.length, 12);
    for (const [i, pause] of pauses.entries()) {
      const most = Math.min(1000 * 2 ** i, 30_000);
      t.true(pause >= most / 2 && pause <= most, `pause ${i} of ${pause} ms`);
    }
    add('b', [RETRY()]);
    await queue.drain();
    t.true((pauses[12] as number) <= 1000, 'a success makes it short again');
  },
);

test.serial('pauses are random, so that a fleet does not send all at once', async (t) => {
  const seen = new Set<number>();
  const sums = { shortest: Infinity, longest: 0 };
  for (let i = 0; i < 100; i++) {
    const { queue, add } = made(t, { minDelay: 1000 });
    add('a', [RETRY()]);
    await queue.drain();
    const [pause = 0] = pauses;
    seen.add(pause);
    sums.shortest = Math.min(sums.shortest, pause);
    sums.longest = Math.max(sums.longest, pause);
  }
  t.true(seen.size > 50);
  t.true(sums.shortest >= 500 && sums.shortest < 600, `${sums.shortest} ms`);
  t.true(sums.longest <= 1000 && sums.longest > 900, `${sums.longest} ms`);
});

test.serial('what the collector asks for is waited for, and a random part of a pause besides', async (t) => {
  for (const after of [5000, 60_000]) {
    const { queue, add } = made(t);
    add('a', [RETRY(new Error('busy'), after)]);
    await queue.drain();
    const [pause = 0] = pauses;
    t.true(pause > after && pause <= after + 1000, `${pause} ms after ${after} ms`);
  }
  const { queue, add } = made(t);
  add('a', [RETRY(new Error('busy'), 1e12)]);
  await queue.drain();
  t.is(pauses[0], 2 ** 31 - 1, 'no timer takes longer, and one that would ends at once');
});

test.serial('a flush does not wait for a pause of ours, but for one of the collector', async (t) => {
  for (const after of [undefined, 60_000]) {
    const { queue, sent, add } = made(t);
    add('a', [RETRY(new Error('busy'), after)]);
    await paused();
    t.is(queue.obstacle?.message, 'busy');
    const drained = queue.drain();
    t.is(sent.length, after === undefined ? 2 : 1);
    ahead = 60_001;
    await Promise.all([drained, queue.drain()]);
    t.is(sent.length, 2);
  }
});

test.serial('by default 8 MiB wait, and what is more is lost', async (t) => {
  const { queue, counts, add } = made(t);
  const mebibytes = 1024 * 1024;
  add('a', [], 1, 5 * mebibytes);
  add('b', [], 2, 3 * mebibytes);
  add('c', [], 4, 1);
  t.deepEqual(counts, { exported: 0, failed: 4 });
  await t.throwsAsync(queue.drain(), { message: `over ${8 * mebibytes} bytes of spans wait` });
  t.deepEqual(counts, { exported: 3, failed: 4 });
  add('d', [], 8, 8 * mebibytes);
  await queue.drain();
  t.deepEqual(counts, { exported: 11, failed: 4 }, 'there is room again');
});

test.serial(
  'by default a request waits for half an hour, then it is lost for the reason of the last try',
  async (t) => {
    const { queue, counts, sent, add } = made(t);
    const answers = [RETRY(new Error('no route'))];
    add('a', answers, 2);
    await paused();
    ahead = 30 * 60_000 - 1000;
    add('b', [], 3);
    t.is(counts.failed, 0);
    ahead += 2000;
    add('c', [], 4);
    t.deepEqual(counts, { exported: 0, failed: 2 }, 'the younger one stays');
    await t.throwsAsync(queue.drain(), { message: 'spans waited for over 1800000 ms: no route' });
    t.deepEqual(counts, { exported: 7, failed: 2 });
    t.deepEqual(sent, ['a', 'b', 'c']);
    await queue.drain();
  },
);

test.serial('the request that is being sent is not given up for its age', async (t) => {
  const { queue, counts, add } = made(t, { maxAge: 1000 });
  add('a', [], 2);
  add('b', [], 3);
  ahead = 2000;
  add('c', [], 4);
  t.is(counts.failed, 0);
  await t.throwsAsync(queue.drain(), { message: 'spans waited for over 1000 ms' });
  t.deepEqual(counts, { exported: 6, failed: 3 }, 'the one behind it was too old');
});

test.serial('what a collector rejects is counted, never more than was sent, and told once', async (t) => {
  const { queue, counts, add } = made(t);
  add('a', [{ rejected: 2, error: new Error('too old') }], 5);
  add('b', [{ rejected: Infinity, error: new Error('no tenant') }], 7);
  add('c', [{ rejected: 1, error: new Error('one') }], 1);
  await t.throwsAsync(queue.drain(), { message: 'too old' }, 'the first reason');
  t.deepEqual(counts, { exported: 3, failed: 10 });
  t.is(queue.obstacle?.message, 'one');
  await t.notThrowsAsync(queue.drain());
});

test.serial(
  'a queue that is closed drops what waits, takes nothing more, and lets nobody wait',
  async (t) => {
    const { queue, counts, sent, add } = made(t);
    add('a', [RETRY()], 2);
    add('b', [], 3);
    await paused();
    const drained = queue.drain();
    queue.close();
    queue.close();
    await t.throwsAsync(drained, { message: 'the exporter is shut down' });
    t.deepEqual(counts, { exported: 0, failed: 5 });
    add('c', [], 4);
    t.deepEqual(counts, { exported: 0, failed: 9 });
    await t.throwsAsync(queue.drain(), { message: 'the exporter is shut down' });
    await new Promise((resolve) => setTimeout(resolve, 10));
    t.false(sent.includes('b') || sent.includes('c'));
  },
);
