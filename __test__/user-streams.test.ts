import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, connect } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { createWriteStream, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { StderrLayer, type StderrLayerOptions } from '../src/layers/stderr-layer.ts';
import { JsonLayer } from '../src/pino/json-layer.ts';
import type { Outcome } from '../src/tracing/layer.ts';
import { Registry } from '../src/tracing/registry.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { target } from '../src/tracing/target.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, ROOT, start } from './helpers/programs.ts';

type Stream = Exclude<StderrLayerOptions['writer'], undefined>;

interface Told extends Outcome {
  stats: { lines: number; dropped: number };
  told: string[];
  /** In milliseconds. */
  took: number;
}

/** Emits so many events to a writer, in two turns of the event loop, and shuts down. */
async function lines(
  writer: Stream,
  count = 10,
  Layer: typeof StderrLayer | typeof JsonLayer = StderrLayer,
): Promise<Told> {
  const told: string[] = [];
  const onProblem = (problem: Error): void => void told.push(problem.message);
  const layer = new Layer({ writer, filter: 'info', onProblem });
  const registry = new Registry({ onProblem }).with(layer);
  for (let turn = 0; turn < 2; turn++) {
    withDefault(registry, () => {
      for (let i = 0; i < count / 2; i++) target('t').info({ i }, 'line');
    });
    await sleep(5);
  }
  const began = performance.now();
  const outcome = await registry.shutdown();
  return { ...outcome, stats: layer.stats(), told, took: performance.now() - began };
}

/** All lines are lost; that is counted, said once, part of the outcome, and takes no time. */
function isAllLost(t: ExecutionContext, told: Told, why: RegExp): void {
  t.deepEqual(told.stats, { lines: 10, dropped: 10 });
  t.is(told.dropped, 10);
  t.false(told.complete);
  t.regex(told.told.join('\n'), why);
  t.regex(told.problems.map(({ message }) => message).join('\n'), why);
  t.true(told.took < 3000, `${told.took} ms`);
}

async function deadSocket(): Promise<Writable> {
  const server = createServer((socket) => socket.destroy()).listen(0);
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port).on('error', () => {});
  socket.resume();
  await once(socket, 'close');
  server.close();
  return socket;
}

/** A destination of pino for a disk that is full; pino would try its last write at exit for ever. */
function fullDestination(t: ExecutionContext, options: { sync: boolean; minLength?: number }): Stream {
  const destination = pino.destination({ dest: '/dev/full', ...options });
  t.teardown(() => destination.destroy());
  return destination;
}

const FAILING: Record<string, (t: ExecutionContext) => Stream | Promise<Stream>> = {
  'a destroyed stream': () => new PassThrough().destroy(),
  'a stream that ended': () => new PassThrough().end(),
  'a stream that fails at each write': () =>
    new Writable({ autoDestroy: false, write: (_, _encoding, done) => done(new Error('no room')) }),
  'a stream that fails once and is destroyed': () =>
    new Writable({ write: (_, _encoding, done) => setImmediate(done, new Error('no room')) }),
  'a stream whose write throws': () =>
    new Writable({
      write: () => {
        throw new Error('no room');
      },
    }),
  'an object whose write throws': () => ({
    write: () => {
      throw new Error('no room');
    },
  }),
  'an object whose write rejects': () => ({ write: async () => Promise.reject(new Error('no room')) }),
  'a socket that is gone': deadSocket,
  'a file on a full disk': () => createWriteStream('/dev/full'),
  'a file that cannot be opened': () => createWriteStream('/no/such/folder/log'),
  'a destination of pino on a full disk': (t) => fullDestination(t, { sync: true }),
  'one that writes later': (t) => fullDestination(t, { sync: false }),
  'one that gathers lines': (t) => fullDestination(t, { sync: false, minLength: 4096 }),
  'one that is closed': async () => {
    const destination = pino.destination({ dest: '/dev/null', sync: true });
    destination.destroy();
    return destination;
  },
};

for (const [name, make] of Object.entries(FAILING)) {
  test(`${name}: each line that is lost is counted, and said`, async (t) => {
    isAllLost(
      t,
      await lines(await make(t)),
      /no room|destroyed|after end|EPIPE|ENOSPC|ENOENT|ECONNRESET|ended|closed/,
    );
  });
}

test('JSON lines that a stream loses are counted and said as other lines are', async (t) => {
  isAllLost(t, await lines(createWriteStream('/dev/full'), 10, JsonLayer), /ENOSPC/);
});

const isWritten = { complete: true, dropped: 0, problems: [], told: [], stats: { lines: 10, dropped: 0 } };

const HEALTHY: Record<string, (t: ExecutionContext) => Stream> = {
  'a stream that writes at once': () => new Writable({ write: (_, _encoding, done) => done() }),
  'a stream that writes slowly': () =>
    new Writable({ highWaterMark: 1, write: (_, _encoding, done) => void setTimeout(done, 20) }),
  'a file': (t) => createWriteStream(join(folderOf(t), 'log')),
  'a stream whose write the program has replaced': () =>
    Object.assign(new PassThrough(), { write: () => true }),
  'an object': () => ({ write: () => undefined }),
  'an object that says false': () => ({ write: () => false }),
  'an object with promises of another realm': () => ({
    write: runInNewContext('() => Promise.resolve()') as () => unknown,
  }),
  'a destination of pino': (t) => pino.destination({ dest: join(folderOf(t), 'log'), sync: false }),
  'one that writes at once': (t) => pino.destination({ dest: join(folderOf(t), 'log'), sync: true }),
  'one that gathers lines for later': (t) =>
    pino.destination({ dest: join(folderOf(t), 'log'), sync: false, minLength: 4096 }),
};

for (const [name, make] of Object.entries(HEALTHY)) {
  test(`${name}: nothing is lost, nothing is said, no listener stays`, async (t) => {
    const writer = make(t);
    const before = listeners(writer);
    const { took, ...told } = await lines(writer);
    t.deepEqual(told, isWritten);
    t.true(took < 3000, `${took} ms`);
    t.deepEqual(listeners(writer), before);
  });
}

test('a stream that never drains is left after a second, and its lines count as lost unless they come yet', async (t) => {
  let done = (): void => {};
  const stuck = new Writable({ write: (_, _encoding, callback) => void (done = callback) });
  const layer = new StderrLayer({ writer: stuck, filter: 'info', onProblem: () => {} });
  withDefault(new Registry().with(layer), () => target('t').info('stuck'));
  const began = performance.now();
  t.is((await layer.flush()).dropped, 0, 'it may drain yet');
  const { complete, dropped, problems } = await layer.shutdown();
  t.true(performance.now() - began < 4000);
  t.deepEqual([complete, dropped], [false, 1]);
  t.regex(problems[0]?.message ?? '', /did not drain in time: 1 lines wait/);
  done();
  await sleep(5);
  t.deepEqual(layer.stats(), { lines: 1, dropped: 0 });
  t.is(stuck.listenerCount('error'), 0, 'then nothing of ours can fail any more');
});

test('a stream that fails after it was left does not end the program', async (t) => {
  const stuck = new Writable({ write: () => {} });
  const layer = new StderrLayer({ writer: stuck, filter: 'info', onProblem: () => {} });
  withDefault(new Registry().with(layer), () => target('t').info('stuck'));
  await layer.shutdown({ timeout: 20 });
  stuck.destroy(new Error('too late'));
  await sleep(5);
  t.is(layer.stats().dropped, 1);
});

test('a stream that takes lines again is all right again, and what it lost stays counted', async (t) => {
  let isFull = true;
  const writer = {
    write: () => {
      if (isFull) throw new Error('no room');
    },
  };
  const told: string[] = [];
  const layer = new StderrLayer({ writer, filter: 'info', onProblem: ({ message }) => told.push(message) });
  const emit = (): void => withDefault(new Registry().with(layer), () => target('t').info('line'));
  emit();
  emit();
  t.like(await layer.flush(), { complete: false, dropped: 2 });
  isFull = false;
  emit();
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 2, problems: [] });
  t.deepEqual(told, ['lines to a stream are lost: no room']);
});

test('a destination of pino that has no room for a line costs that line, and it is counted', async (t) => {
  const dest = join(folderOf(t), 'log');
  const destination = pino.destination({
    dest,
    sync: false,
    minLength: 1000,
    maxLength: 1100,
  });
  const { stats, dropped } = await lines(destination, 100);
  t.true(dropped > 0);
  destination.flushSync();
  const written = readFileSync(dest, 'utf8').split('\n').length - 1;
  t.is(written + dropped, stats.lines);
});

/** How many listeners a stream has of what outputs of lines may hear. */
function listeners(writer: unknown): number[] {
  if (!(writer instanceof EventEmitter)) return [];
  return ['error', 'drain', 'drop', 'close', 'finish'].map((event) => writer.listenerCount(event));
}

/** Streams on which set-ups and flushes could leave listeners, by what they do with lines. */
const LISTENED_TO: Record<string, (t: ExecutionContext) => Stream> = {
  'takes lines': () => new Writable({ write: (_, _encoding, done) => done() }),
  'takes them later': () =>
    new Writable({ highWaterMark: 1, write: (_, _e, done) => void setTimeout(done, 1) }),
  'never drains': () => new Writable({ highWaterMark: 1, write: () => {} }),
  'says that it is full': () => Object.assign(new EventEmitter(), { write: () => false }),
  flushes: (t) => pino.destination({ dest: join(folderOf(t), 'log'), sync: false, minLength: 4096 }),
  'has failed': () => new PassThrough().destroy(),
};

for (const [name, make] of Object.entries(LISTENED_TO)) {
  test(`a stream that ${name} has one listener of a kind at most, whatever many set-ups and flushes`, async (t) => {
    const writer = make(t);
    const isStuck = name === 'never drains' || name === 'says that it is full';
    const before = listeners(writer);
    const layers = Array.from(
      { length: 15 },
      () => new StderrLayer({ writer, filter: 'info', onProblem: () => {} }),
    );
    for (const layer of layers) {
      withDefault(new Registry().with(layer), () => target('t').info('line'));
      await layer.flush({ timeout: isStuck ? 10 : 1000 });
      for (const [i, count] of listeners(writer).entries()) t.true(count <= (before[i] ?? 0) + 2);
    }
    await Promise.all(layers.map(async (layer) => layer.shutdown({ timeout: 10 })));
    const left = isStuck ? 1 : 0;
    const stays = () => listeners(writer).filter((count, i) => count > (before[i] ?? 0) + left);
    // On a busy machine a stream reports late what became of a line.
    for (let i = 0; i < 100 && stays().length > 0; i++) await sleep(50);
    t.deepEqual(stays(), []);
  });
}

/** Emits lines to `process.stdout` in many turns, and says on stderr what became of them. */
const TO_STDOUT = `import { Registry, StderrLayer, target, withDefault } from 'kvp-tracing';
  const told = [];
  const layer = new StderrLayer({ writer: process.stdout, filter: 'info', onProblem: ({ message }) => told.push(message) });
  const registry = new Registry().with(layer);
  for (let i = 0; i < 100; i++) {
    withDefault(registry, () => target('t').info({ i }, 'line'));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const began = performance.now();
  const { complete, dropped, problems } = await registry.shutdown();
  const took = performance.now() - began;
  const left = process.stdout.listenerCount('error');
  console.error(JSON.stringify({ ...layer.stats(), complete, told, problems: problems.length, took, left }));`;

for (const [name, command, why, most] of [
  ['whose reader has left', '"$@" | head -n 1 > /dev/null', /EPIPE/, 99],
  ['on a full disk', '"$@" > /dev/full', /ENOSPC/, 100],
] as const) {
  test(`stdout as the writer, ${name}: its lines are counted, said, and not waited for`, async (t) => {
    const child = start({ source: TO_STDOUT, folder: folderOf(t) });
    child.kill();
    const shell = spawn('sh', ['-c', command, 'sh', ...child.spawnargs], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stderr } = await ended(shell);
    const told = JSON.parse(stderr) as Told['stats'] & Record<string, unknown>;
    t.is(told.lines, 100);
    t.true(told.dropped > 50 && told.dropped <= most, `${told.dropped}`);
    t.false(told['complete']);
    t.is((told['told'] as string[]).length, 1);
    t.regex((told['told'] as string[])[0] ?? '', why);
    t.is(told['problems'], 1);
    t.true((told['took'] as number) < 3000, `${told['took']} ms`);
    t.is(told['left'], 0);
  });
}
