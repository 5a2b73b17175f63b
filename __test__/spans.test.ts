import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { type Recorder, recording } from './helpers/recorder.ts';

const log = target('agent');

/** Runs `fn` with a recorder of its own and returns it. */
function record(fn: () => void): Recorder {
  const { recorder, registry } = recording();
  withDefault(registry, fn);
  return recorder;
}

test('a parent is the current span, one that is given, or none', (t) => {
  const { spans, events } = record(() => {
    const elsewhere = log.span('elsewhere');
    log.inSpan('outer', () => {
      log.span('child');
      log.span('adopted', { parent: elsewhere });
      log.span('root', { parent: null });
      elsewhere.info('told to a span');
    });
    log.info('outside');
  });
  const parents = spans.map(({ name, parent }) => `${name} < ${parent?.name}`);
  t.deepEqual(parents, [
    'elsewhere < undefined',
    'outer < undefined',
    'child < outer',
    'adopted < elsewhere',
    'root < undefined',
  ]);
  t.true(spans[4]?.isRoot);
  t.deepEqual(
    events.map(({ parent }) => parent?.name),
    ['elsewhere', undefined],
  );
});

test('followsFrom links spans and makes no parent', (t) => {
  const { heard, spans } = record(() => {
    const [one, two] = [log.span('one'), log.span('two')];
    log.span('after', { followsFrom: [one, two] }).followsFrom(Span.current());
    log.span('last', { followsFrom: one });
  });
  t.deepEqual(
    heard.filter((line) => line.startsWith('follows')),
    ['follows after one', 'follows after two', 'follows last one'],
  );
  t.true(spans.every(({ parent }) => parent === undefined));
});

test('outside of any span the current one does nothing, and runs what it is given', (t) => {
  const recorder = record(() => {
    const current = Span.current();
    t.true(current.isDisabled);
    current.record({ a: 1 }).fail('no').info('nobody');
    current.close();
    t.false(current.isClosed);
    t.is(current.statedResult, undefined);
    t.is(
      current.inScope(() => 5),
      5,
    );
  });
  t.deepEqual(recorder.heard, []);
});

test('the current span is kept over await and timers, and ends with its code', async (t) => {
  const { registry } = recording();
  await withDefault(registry, async () => {
    const names: string[] = [];
    const look = () => names.push(Span.current().name);
    await log.inSpan('work', async () => {
      await Promise.resolve();
      look();
      await sleep(1);
      look();
      await new Promise<void>((resolve) => {
        setTimeout(() => process.nextTick(() => setImmediate(() => resolve(void look()))), 1);
      });
      log.inSpan('inner', look);
      look();
    });
    look();
    t.deepEqual(names, ['work', 'work', 'work', 'inner', 'work', '']);
  });
});

test('inScope runs inside without closing, bind keeps this and arguments for later', async (t) => {
  const { registry, recorder } = recording();
  const span = withDefault(registry, () => log.span('work'));
  const emitter = new EventEmitter();
  withDefault(registry, () => {
    t.is(
      span.inScope(() => Span.current().name),
      'work',
    );
    emitter.on(
      'x',
      span.bind(function (this: unknown, given: string) {
        t.is(this, emitter);
        log.info(given);
      }),
    );
  });
  withDefault(registry, () => emitter.emit('x', 'heard'));
  t.is(await span.inScope(async () => (await sleep(1), Span.current().name)), 'work');
  t.throws(() => span.inScope(() => JSON.parse('{')), { instanceOf: SyntaxError });
  t.is(span.thrown, undefined, 'only code that a span was made for fails it');
  t.false(span.isClosed);
  t.is(span.entered, 4);
  t.true(recorder.heard.includes('event heard in work'));
});

test('inSpan returns what fn returns, sync or async, and closes once when it settled', async (t) => {
  const { registry, recorder } = recording();
  await withDefault(registry, async () => {
    const object = {};
    t.is(
      log.inSpan('sync', (span) => (span.close(), span.close(), object)),
      object,
    );
    const promise = log.inSpan('async', { fields: { a: 1 } }, async (span) => {
      await sleep(1);
      t.false(span.isClosed);
      t.is(span.fields.get('a'), 1);
      return object;
    });
    t.true(promise instanceof Promise);
    t.is(await promise, object);
  });
  t.deepEqual(recorder.only('close'), ['close sync', 'close async']);
});

test('inSpan passes on the very thing that was thrown and marks the span failed', async (t) => {
  const { registry, recorder } = recording();
  for (const thrown of [new Error('boom'), 'text', undefined, null, 0]) {
    recorder.heard.length = 0;
    await withDefault(registry, async () => {
      const caught: unknown[] = [];
      try {
        log.inSpan('sync', () => {
          throw thrown;
        });
      } catch (error) {
        caught.push(error);
      }
      await log
        .inSpan('async', async () => {
          await Promise.resolve();
          throw thrown;
        })
        .catch((error: unknown) => caught.push(error));
      t.deepEqual(caught.length, 2);
      t.true(caught.every((error) => error === thrown));
    });
    t.deepEqual(recorder.only('close'), ['close sync thrown', 'close async thrown']);
    t.deepEqual(recorder.spans.at(-1)?.thrown, { error: thrown });
  }
});

test('close is idempotent, also by using', (t) => {
  const recorder = record(() => {
    const span = log.span('closed');
    span.close();
    span.close();
    span[Symbol.dispose]();
    t.true(span.isClosed);
    const { duration } = span;
    span.record({ late: true });
    t.is(span.duration, duration);
    t.is(span.fields.get('late'), undefined);
    {
      using scoped = log.span('scoped');
      t.false(scoped.isClosed);
    }
  });
  t.deepEqual(recorder.heard, ['new closed', 'close closed', 'new scoped', 'close scoped']);
});

test('a parent does not wait for its children, and a late event keeps its parent', async (t) => {
  const { registry, recorder } = recording();
  let late: Promise<void> | undefined;
  withDefault(registry, () =>
    log.inSpan('parent', () => {
      late = sleep(2).then(() => {
        log.info('late');
        log.inSpan('child', () => {});
      });
    }),
  );
  t.true(recorder.spans[0]?.isClosed);
  await late;
  t.is(recorder.events[0]?.parent, recorder.spans[0]);
  t.is(recorder.spans[1]?.parent?.id, recorder.spans[0]?.id);
});

test('record changes and adds fields, and tells the layers what', (t) => {
  const { heard, spans } = record(() => {
    const span = log.span('work', { fields: { user: 'alice', tries: 1 } });
    span.record({ tries: 2, size: 10 }).record(() => ({ user: 'bob' }));
  });
  t.deepEqual({ ...spans[0]?.fields.toObject() }, { user: 'bob', tries: 2, size: 10 });
  t.deepEqual(heard.slice(1), ['record work {"tries":2,"size":10}', 'record work {"user":"bob"}']);
});

test('fail, succeed and the field diagnostic.result say how a span ended, the last one counts', (t) => {
  record(() => {
    const span = log.span('work', { fields: { 'diagnostic.result': 'fail' } });
    t.is(span.statedResult, 'fail');
    t.is(span.succeed().statedResult, 'success');
    span.fail('disk full');
    t.deepEqual([span.statedResult, span.reason], ['fail', 'disk full']);
    t.is(span.record({ 'diagnostic.result': 'success' }).statedResult, 'success');
    t.is(span.record({ 'diagnostic.result': 'perhaps' }).statedResult, 'success');
    span.fail();
    t.deepEqual([span.statedResult, span.reason], ['fail', undefined]);
  });
});

test('ids are UUIDs, each of one span only, and stay what they are', (t) => {
  const { spans } = record(() => {
    for (let i = 0; i < 50_000; i++) log.span('work').close();
    for (let i = 0; i < 50_000; i++) log.span('open');
  });
  const ids = spans.map(({ id }) => id);
  t.is(new Set(ids).size, 100_000);
  t.true(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)));
  t.deepEqual(
    spans.map(({ id }) => id),
    ids,
  );
});

test('busy is how long a span was entered, idle the rest, nested and still running ones included', async (t) => {
  const { registry, recorder } = recording();
  registry.with({ timed: true });
  await withDefault(registry, async () => {
    const span = log.span('work');
    t.is(span.busy, 0);
    await sleep(20);
    const wait = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    span.inScope(() => {
      wait();
      const began = span.busy;
      t.true(began >= 15, `${began}`);
      span.inScope(wait);
      t.true(span.busy - began >= 15, `${span.busy}`);
    });
    const { busy } = span;
    await sleep(20);
    t.is(span.busy, busy, 'not while nothing runs in it');
    t.true(span.idle >= 30 && span.idle < span.duration, `${span.idle}`);
    t.true(Math.abs(span.busy + span.idle - span.duration) < 5);
    const late = span.inScope(() => sleep(20));
    span.close();
    const times = [span.busy, span.idle, span.duration];
    await late;
    t.deepEqual([span.busy, span.idle, span.duration], times, 'they stand once it is closed');
  });
  t.is(recorder.spans[0]?.isClosed, true);
});

test('a child outlives its parent and keeps it, and each closes for itself', (t) => {
  const { heard, spans } = record(() => {
    const parent = log.span('parent');
    const child = log.span('child', { parent });
    parent.close();
    t.false(child.isClosed);
    child.inScope(() => log.span('grandchild').close());
    child.info('still here');
    child.close();
  });
  t.is(spans[1]?.parent, spans[0]);
  t.deepEqual(heard.slice(2), [
    'close parent',
    'enter child',
    'new grandchild in child',
    'close grandchild',
    'exit child',
    'event still here in child',
    'close child',
  ]);
});

test('what is no span is no cause', (t) => {
  const { heard } = record(() => {
    log.span('made', { followsFrom: null as never }).close();
  });
  t.deepEqual(heard, ['new made', 'close made']);
});

test('each option of a span is read once, so that what was checked is what counts', (t) => {
  const parent = log.span('parent');
  for (const [option, first, second] of [
    ['level', 'warn', 'loud'],
    ['target', 'other', 5],
    ['parent', parent, 'id'],
    ['followsFrom', [parent], [5]],
    ['fields', { a: 1 }, [1]],
  ] as const) {
    let reads = 0;
    const options = { get: () => (reads++ === 0 ? first : second), enumerable: true };
    const { spans } = record(() => log.span('x', Object.defineProperty({}, option, options) as never));
    t.deepEqual([spans.length, reads], [1, 1], option);
  }
});

test('a wrong option is refused also where no layer wants the span', (t) => {
  t.throws(() => log.span('x', { level: 'trace', target: 5 } as never), { instanceOf: OptionError });
  t.throws(() => log.span('x', { leve: 'trace' } as never), { instanceOf: OptionError });
});
