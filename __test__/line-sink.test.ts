import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { LineSink } from '../src/layers/line-sink.ts';

const MEBIBYTE = 1024 * 1024;

/** A stream as those of Node.js, whose lines are written when they are told to be. */
class Stream {
  writableLength = 0;
  destroyed = false;
  errored: unknown = null;
  readonly taken: string[] = [];
  readonly #done: ((error?: unknown) => void)[] = [];

  write(line: string, done: (error?: unknown) => void): boolean {
    this.taken.push(line);
    this.writableLength += line.length;
    this.#done.push(done);
    return true;
  }

  /** Writes so many lines, or loses them. */
  settle(count: number, error?: unknown): void {
    for (const done of this.#done.splice(0, count)) {
      this.writableLength--;
      done(error);
    }
  }
}

function sinkTo(writer: { write(line: string): unknown }) {
  const problems: string[] = [];
  return { sink: new LineSink(writer, { onProblem: ({ message }) => problems.push(message) }), problems };
}

test('a stream may hold back 4 Mi characters, what comes then is lost', async (t) => {
  const stream = new Stream();
  const { sink, problems } = sinkTo(stream as never);
  for (let i = 0; i < 4; i++) sink.write('x'.repeat(MEBIBYTE), 3);
  sink.write('x', 3);
  t.deepEqual(sink.stats(), { lines: 5, dropped: 0 });
  sink.write('y', 3);
  sink.write('z', 3);
  t.like(sink.stats(), { lines: 7 });
  t.is(stream.taken.length, 5);
  t.deepEqual(problems, ['lines to a stream are lost: the stream does not drain'], 'told once');
  stream.settle(5);
  sink.write('again', 3);
  t.is(stream.taken.at(-1), 'again');
  stream.settle(1);
  t.like(await sink.end(), { complete: true, dropped: 2, problems: [] });
});

test('a flush waits for a stream that is slow, as long as something changes', async (t) => {
  const stream = new Stream();
  const { sink } = sinkTo(stream as never);
  for (let i = 0; i < 3; i++) sink.write('x', 3);
  const flushed = sink.flush();
  for (let i = 0; i < 3; i++) {
    await sleep(250);
    stream.settle(1);
  }
  t.deepEqual(await flushed, { complete: true, dropped: 0, problems: [] });
});

test('a flush leaves a stream that stands still after a second, one that fails after a tenth', async (t) => {
  const stream = new Stream();
  const { sink } = sinkTo(stream as never);
  for (let i = 0; i < 3; i++) sink.write('x', 3);
  let began = performance.now();
  const { complete, dropped, problems } = await sink.flush({ timeout: 60_000 });
  t.true(performance.now() - began < 8000);
  t.deepEqual([complete, dropped, problems.length], [false, 0, 1]);
  t.is(problems[0]?.message, 'a stream did not drain in time: 3 lines wait');
  stream.settle(1, new Error('broken'));
  began = performance.now();
  const failed = await sink.flush({ timeout: 60_000 });
  t.true(performance.now() - began < 900, 'sooner');
  t.deepEqual([failed.complete, failed.dropped], [false, 3]);
  t.is(failed.problems[0]?.message, 'lines to a stream are lost: broken');
  stream.settle(2);
  t.deepEqual(await sink.flush(), { complete: true, dropped: 1, problems: [] }, 'they came yet');
});

test('a flush ends at its deadline', async (t) => {
  const { sink } = sinkTo(new Stream() as never);
  sink.write('x', 3);
  const began = performance.now();
  t.false((await sink.flush({ timeout: 50 })).complete);
  const took = performance.now() - began;
  t.true(took >= 45 && took < 900, `${took} ms`);
});

test('each cause of a loss is told once, and at most sixteen', (t) => {
  const { sink, problems } = sinkTo({
    write: (line) => {
      throw Object.assign(new Error(`lost ${line}`), { code: line });
    },
  });
  for (let round = 0; round < 2; round++) for (let i = 0; i < 20; i++) sink.write(`E${i}`, 3);
  t.deepEqual(sink.stats(), { lines: 40, dropped: 40 });
  t.deepEqual(
    problems,
    Array.from({ length: 16 }, (_, i) => `lines to a stream are lost: lost E${i}`),
  );
});

test('what write returns says what becomes of a line', async (t) => {
  const returned: unknown[] = [
    undefined,
    true,
    false,
    5,
    null,
    Promise.resolve(),
    Promise.reject(new Error('no')),
    // oxlint-disable-next-line prefer-promise-reject-errors -- what a program may do
    Promise.reject(undefined),
  ];
  const { sink, problems } = sinkTo({ write: () => returned.shift() });
  for (let i = 0; i < 8; i++) sink.write('x', 3);
  const { complete, dropped } = await sink.flush();
  t.deepEqual([complete, dropped], [false, 2]);
  t.deepEqual(problems, ['lines to a stream are lost: no', 'lines to a stream are lost: write() rejected']);
  sink.write('x', 3);
  t.deepEqual(await sink.flush(), { complete: true, dropped: 2, problems: [] }, 'a line was written since');
});

test('a destination of pino that asks for it is told the level of each line', (t) => {
  const levels: unknown[] = [];
  const destination = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: undefined as number | undefined,
    write(): void {
      levels.push(this.lastLevel);
    },
  };
  const { sink } = sinkTo(destination);
  for (let verbosity = 0; verbosity <= 6; verbosity++) sink.write('x', verbosity);
  t.deepEqual(levels, [0, 50, 40, 30, 20, 10, 0]);
  const plain = { lastLevel: 'own', write(): void {} };
  sinkTo(plain).sink.write('x', 1);
  t.is(plain.lastLevel, 'own');
});

test('what comes after the end is lost, and the stream is left alone', async (t) => {
  const stream = new Stream();
  const { sink } = sinkTo(stream as never);
  sink.write('one', 3);
  stream.settle(1);
  const began = performance.now();
  t.deepEqual(await sink.end(), { complete: true, dropped: 0, problems: [] });
  t.true(performance.now() - began < 900, 'it has nothing to wait for');
  sink.write('late', 3);
  t.deepEqual(sink.stats(), { lines: 2, dropped: 1 });
  t.deepEqual(stream.taken, ['one']);
  t.is((await sink.end()).dropped, 1);
});

test('a stream that was destroyed is not waited for, and what it holds is lost', async (t) => {
  const stream = new Stream();
  const { sink } = sinkTo(stream as never);
  sink.write('x', 3);
  sink.write('y', 3);
  stream.settle(1);
  stream.destroyed = true;
  const began = performance.now();
  t.is((await sink.flush({ timeout: 60_000 })).dropped, 1);
  t.true(performance.now() - began < 900);
});

test('the end waits for a stream that was destroyed and has not closed yet, so that it may say why', async (t) => {
  const stream = Object.assign(new Stream(), { closed: false });
  const { sink } = sinkTo(stream as never);
  stream.destroyed = true;
  let isOver = false;
  const ended = sink.end({ timeout: 60_000 }).then(() => (isOver = true));
  await sleep(100);
  t.false(isOver);
  stream.closed = true;
  t.true(await ended);
});

test('a flush waits for what a destination of pino holds back', async (t) => {
  const destination = { _len: 0, write: (line: string) => (destination._len += line.length) > 0 };
  const { sink } = sinkTo(destination);
  sink.write('x', 3);
  t.is(
    (await sink.flush({ timeout: 30 })).problems[0]?.message,
    'a stream did not drain in time: 1 lines wait',
  );
  destination._len = 0;
  t.deepEqual(await sink.flush(), { complete: true, dropped: 0, problems: [] });
});

test('a terminal is told by the stream', (t) => {
  t.true(sinkTo({ write() {}, isTTY: true } as never).sink.isTerminal);
  t.false(sinkTo({ write() {}, isTTY: 1 } as never).sink.isTerminal);
  t.false(sinkTo({ write() {} }).sink.isTerminal);
});

test("a writer of one's own flushes once at a time, by a callback, a promise or its return", async (t) => {
  let flushes = 0;
  let finish = (): void => {};
  const { sink } = sinkTo({
    write() {},
    flush: (done: () => void) => {
      flushes++;
      finish = done;
    },
  } as never);
  const both = Promise.all([sink.flush(), sink.flush()]);
  await sleep(20);
  t.is(flushes, 1);
  finish();
  t.true((await both).every(({ complete }) => complete));
  const failing = sinkTo({
    write() {},
    flush: (done: (error: Error) => void) => done(new Error('full')),
  } as never);
  const { complete, problems } = await failing.sink.flush();
  t.false(complete);
  t.is(problems[0]?.message, 'lines to a stream are lost: full');
  const rejecting = sinkTo({ write() {}, flush: () => Promise.reject(new Error('gone')) } as never);
  t.is((await rejecting.sink.flush()).problems[0]?.message, 'lines to a stream are lost: gone');
  const never = sinkTo({ write() {}, flush: (done: unknown) => void done } as never);
  t.is(
    (await never.sink.flush({ timeout: 30 })).problems[0]?.message,
    'a stream did not drain in time: 0 lines wait',
  );
});
