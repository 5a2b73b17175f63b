import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { recording } from './helpers/recorder.ts';

const log = target('agent');
const here = () => Span.current().name;

test('what is thrown into a generator is caught inside of the span, or fails it', (t) => {
  const { registry, recorder } = recording();
  const [caught, uncaught] = [new Error('caught'), new Error('uncaught')];
  withDefault(registry, () => {
    const generator = log.instrument({ err: true }, function* work(): Generator<string> {
      try {
        yield 'first';
      } catch (error) {
        yield `${here()} ${(error as Error).message}`;
      }
    })();
    generator.next();
    t.deepEqual(generator.throw(caught), { done: false, value: 'work caught' });
    t.is(recorder.spans[0]?.thrown, undefined);
    t.is(
      t.throws(() => generator.throw(uncaught)),
      uncaught,
    );
    t.is(here(), '');
  });
  t.deepEqual(recorder.spans[0]?.thrown, { error: uncaught });
  t.deepEqual(recorder.heard.slice(-3), ['event - in work', 'exit work', 'close work thrown']);
});

test('a generator that is left early cleans up inside, and its span ends with what return gave', async (t) => {
  const { registry, recorder } = recording();
  const cleaned: string[] = [];
  await withDefault(registry, async () => {
    const sync = log.instrument({ ret: true }, function* sync(): Generator<number, string> {
      try {
        yield 1;
        return 'end';
      } finally {
        cleaned.push(here());
      }
    });
    const async = log.instrument({ ret: true }, async function* async(): AsyncGenerator<number, string> {
      try {
        yield 1;
        return 'end';
      } finally {
        await sleep(1);
        cleaned.push(here());
      }
    });
    t.deepEqual([...sync()], [1]);
    for (const one of sync()) if (one === 1) break;
    const left = sync();
    left.next();
    t.deepEqual(left.return('mine'), { done: true, value: 'mine' });
    for await (const one of async()) if (one === 1) break;
    const unstarted = async();
    t.deepEqual(await unstarted.return('never begun'), { done: true, value: 'never begun' });
  });
  t.deepEqual(cleaned, ['sync', 'sync', 'sync', 'async']);
  t.deepEqual(
    recorder.events.map(({ fields }) => fields.get('return')),
    ['end', undefined, 'mine', undefined, 'never begun'],
  );
  t.true(recorder.spans.every(({ isClosed, thrown }) => isClosed && thrown === undefined));
});

test('a generator that is done leaves its span alone', async (t) => {
  const { registry, recorder } = recording();
  const late = new Error('late');
  await withDefault(registry, async () => {
    const sync = log.instrument({ ret: true, err: true }, function* sync() {})();
    const async = log.instrument({ ret: true, err: true }, async function* async() {})();
    t.true(sync.next().done);
    t.true((await async.next()).done);
    const heard = recorder.heard.length;
    t.deepEqual(sync.return(), { done: true, value: undefined });
    t.throws(() => sync.throw(late), { is: late });
    await t.throwsAsync(async.throw(late), { is: late });
    t.is(recorder.heard.length, heard);
  });
  t.deepEqual(
    recorder.spans.map(({ thrown }) => thrown),
    [undefined, undefined],
  );
});

test('an async generator that is asked ahead answers in turn, entered until the last answer', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const count = log.instrument(async function* count(): AsyncGenerator<string> {
      for (let i = 0; i < 3; i++) {
        await sleep(1);
        yield `${here()} ${i}`;
      }
    });
    const generator = count();
    const steps = await Promise.all(Array.from({ length: 4 }, () => generator.next()));
    t.deepEqual(
      steps.map(({ value }) => value as string | undefined),
      ['count 0', 'count 1', 'count 2', undefined],
    );
  });
  const [span] = recorder.spans;
  t.deepEqual([span?.isClosed, span?.entered], [true, 5]);
  t.is(recorder.only('exit').length, 5);
});

test('generators that delegate to others nest and hand everything through', (t) => {
  const { registry, recorder } = recording();
  withDefault(registry, () => {
    const inner = log.instrument(function* inner(): Generator<string, string, string> {
      return `${here()} got ${yield here()}`;
    });
    const outer = log.instrument(function* outer(): Generator<string, string, string> {
      const got = yield* inner();
      return `${here()}: ${got}`;
    });
    const generator = outer();
    t.deepEqual(generator.next(), { done: false, value: 'inner' });
    t.deepEqual(generator.next('x'), { done: true, value: 'outer: inner got x' });
    t.is(Object.prototype.toString.call(generator), '[object Generator]');
    t.deepEqual(Object.keys(generator), []);
    const made = log.inSpan('made inside', () => inner());
    t.is(made.next().value, 'inner');
    made.return('');
  });
  t.deepEqual(
    recorder.spans.map(({ name, parent }) => `${name} < ${parent?.name}`),
    ['outer < undefined', 'inner < outer', 'made inside < undefined', 'inner < made inside'],
  );
  t.true(recorder.spans.every(({ isClosed }) => isClosed));
});
