import { AsyncLocalStorage } from 'node:async_hooks';
import test from 'ava';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { recording } from './helpers/recorder.ts';

const log = target('agent');
const here = () => Span.current().name;

/** A promise with more than a promise has, as libraries make them. */
class Task<T> extends Promise<T> {
  cancelled = false;
  cancel(): this {
    this.cancelled = true;
    return this;
  }
}

/** A query as of knex: it runs when somebody waits for it. */
class Query {
  runs = 0;
  readonly seen: string[] = [];

  then<R>(onFulfilled?: (value: string) => R, onRejected?: (error: unknown) => R): Promise<R | string> {
    this.runs++;
    return Promise.resolve()
      .then(() => {
        this.seen.push(here());
        return 'rows';
      })
      .then(onFulfilled, onRejected);
  }
}

for (const options of [{}, { ret: true, err: true }] as const) {
  const how = 'ret' in options ? ' with ret and err' : '';

  test(`a promise of a class of its own stays the same object, and ends the span${how}`, async (t) => {
    const { registry, recorder } = recording();
    await withDefault(registry, async () => {
      const made = new Task<number>((done) => setImmediate(done, 5));
      const task = log.instrument({ ...options, name: 'work' }, () => made)();
      t.is(task, made);
      t.true(task instanceof Task && task.cancel().cancelled);
      t.false(recorder.spans[0]?.isClosed);
      t.is(await task, 5);
      t.true(recorder.spans[0]?.isClosed);
      t.is(await task, 5, 'again');
      const error = new Error('boom');
      const fail = log.instrument({ ...options, name: 'fail' }, () => Task.reject(error) as Task<number>);
      t.is(await t.throwsAsync(async () => fail()), error);
      t.is(recorder.spans[1]?.thrown?.error, error);
    });
    t.is(recorder.only('close').length, 2);
    t.is(recorder.events.length, how === '' ? 0 : 2);
  });

  test(`a query that runs when it is awaited is not started before, and runs inside${how}`, async (t) => {
    const { registry, recorder } = recording();
    const request = new AsyncLocalStorage<string>();
    await withDefault(registry, async () => {
      const query = new Query();
      const select = log.instrument({ ...options, name: 'select' }, () => query);
      t.is(select(), query);
      await Promise.resolve();
      t.is(query.runs, 0);
      t.false(recorder.spans[0]?.isClosed);
      await log.inSpan('around', async () => {
        t.is(await query, 'rows');
        t.is(here(), 'around');
        const continued = request.run('mine', () => query.then(() => [here(), request.getStore()]));
        t.deepEqual(await continued, ['around', 'mine'], 'who waits for it stays where it is');
      });
      t.true(recorder.spans[0]?.isClosed);
      t.is(query.runs, 2);
      t.deepEqual(query.seen, ['select', 'select']);
    });
    t.is(recorder.events.length, how === '' ? 0 : 1);
    t.is(recorder.only('exit').filter((line) => line === 'exit select').length, 1);
  });
}

test('a query in a scope leaves it once, however often it is awaited', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const query = new Query();
    const span = log.span('work');
    await span.inScope(async () => {
      span.inScope(() => query);
      t.deepEqual([await query, await query, await query], ['rows', 'rows', 'rows']);
      t.is(recorder.only('exit').length, 1);
    });
    t.deepEqual([recorder.only('enter').length, recorder.only('exit').length], [2, 2]);
  });
});

test('a thenable that can not be watched ends the span at once', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const frozen = Object.freeze({ then: (done: (value: number) => void) => done(5) });
    t.is(
      log.inSpan('frozen', () => frozen),
      frozen,
    );
    const trapped = new Proxy({ then: () => {} }, { defineProperty: () => JSON.parse('{') as boolean });
    t.is(
      log.inSpan('trapped', () => trapped),
      trapped,
    );
    const getter = Object.defineProperty({}, 'then', { get: () => JSON.parse('{') as unknown });
    t.is(
      log.inSpan('getter', () => getter),
      getter,
    );
  });
  t.true(recorder.spans.every(({ isClosed }) => isClosed));
});

test('one thenable that many calls return, as from a cache, ends the spans of all of them', async (t) => {
  const { recorder, registry } = recording();
  const cached = Task.resolve('value');
  await withDefault(registry, async () => {
    const fetch = log.instrument({ name: 'fetch' }, () => cached);
    for (let i = 0; i < 20_000; i++) fetch();
    t.is(await fetch(), 'value');
  });
  t.is(recorder.only('close').length, 20_001);
});
