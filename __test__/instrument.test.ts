import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import type { InstrumentOptions } from '../src/tracing/instrument.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { type Recorder, recording } from './helpers/recorder.ts';

const log = target('agent');

/** Runs `fn` with a recorder of its own and returns it. */
async function record(fn: () => unknown): Promise<Recorder> {
  const { recorder, registry, problems } = recording();
  await withDefault(registry, fn);
  if (problems[0] !== undefined) throw problems[0];
  return recorder;
}

const lastFields = ({ events }: Recorder) => ({ ...events.at(-1)?.fields.toObject() });
const here = () => Span.current().name;

test('a function keeps what it returns, its this, name and length', async (t) => {
  const object = { factor: 3 };
  let expected = 'scale';
  function scale(this: typeof object, a: number, b: number): string {
    t.is(here(), expected);
    return `${this.factor * a * b}`;
  }
  const instrumented = log.instrument(scale);
  const { heard } = await record(() => t.is(instrumented.call(object, 2, 5), '30'));
  t.deepEqual(heard, ['new scale', 'enter scale', 'exit scale', 'close scale']);
  t.deepEqual([instrumented.name, instrumented.length], ['scale', 2]);
  expected = '';
  t.is(instrumented.call(object, 1, 1), '3', 'also where nobody listens');
  const anonymous = await record(() => log.instrument(() => {})());
  t.is(anonymous.spans[0]?.name, 'anonymous');
});

test('each call has a span of its own, a recursive one nests', async (t) => {
  const factorial = log.instrument((n: number): number => (n < 2 ? 1 : n * factorial(n - 1)));
  const { spans } = await record(() => t.is(factorial(4), 24));
  t.is(spans.length, 4);
  t.deepEqual(
    spans.map(({ parent }) => spans.indexOf(parent as Span)),
    [-1, 0, 1, 2],
  );
  t.true(spans.every(({ isClosed }) => isClosed));
});

test('options name, place and link the span', async (t) => {
  const { spans, heard } = await record(() => {
    const [cause, parent] = [log.span('cause'), log.span('parent')];
    const options = {
      name: 'named',
      target: 'other',
      level: 'debug',
      parent,
      followsFrom: cause,
    } satisfies InstrumentOptions;
    log.inSpan(
      'around',
      log.instrument(options, () => {}),
    );
    log.inSpan(
      'around',
      log.instrument({ name: 'root', parent: null }, () => {}),
    );
  });
  const named = spans.find(({ name }) => name === 'named');
  t.like(named?.metadata, { target: 'other', level: 'DEBUG' });
  t.is(named?.parent?.name, 'parent');
  t.true(heard.includes('follows named cause'));
  t.true(spans.find(({ name }) => name === 'root')?.isRoot);
});

test('an async function ends its span when it settles, and keeps its promise plain', async (t) => {
  const work = log.instrument(async function work(fails: boolean) {
    await sleep(1);
    t.is(here(), 'work');
    if (fails) throw new TypeError('boom');
    return 5;
  });
  const { heard, spans } = await record(async () => {
    const promise = work(false);
    t.is(promise.constructor, Promise);
    t.is(here(), '');
    t.is(await promise, 5);
    await t.throwsAsync(work(true), { instanceOf: TypeError, message: 'boom' });
  });
  t.deepEqual(heard.slice(-1), ['close work thrown']);
  t.true(spans.every(({ isClosed, entered }) => isClosed && entered === 1));
});

test('what a plain promise carries, as that of a promisified exec, stays on it', async (t) => {
  const child = { pid: 5 };
  const run = log.instrument(() => Object.assign(Promise.resolve('out'), { child }));
  await record(async () => {
    const promise = run();
    t.is(promise.child, child);
    t.is(await promise, 'out');
  });
});

test('arguments become fields only as asked for', async (t) => {
  interface User {
    id: number;
    password: string;
  }
  const user: User = { id: 42, password: 'secret' };
  const { spans } = await record(() => {
    const idOf = (given: User) => given.id;
    log.instrument(idOf)(user);
    log.instrument({ fields: { fixed: 1 } }, idOf)(user);
    log.instrument({ fields: ({ id }) => ({ id }) }, idOf)(user);
    const host = {
      region: 'west',
      boot: log.instrument(
        {
          fields(this: { region: string }) {
            return { region: this.region };
          },
        },
        function (this: { region: string }) {},
      ),
    };
    host.boot();
    const throwing = () => {
      throw new Error('no fields');
    };
    t.is(log.instrument({ fields: throwing }, () => 5)(), 5);
  });
  t.deepEqual(
    spans.map(({ fields }) => ({ ...fields.toObject() })),
    [{}, { fixed: 1 }, { id: 42 }, { region: 'west' }, { fields: '[threw: no fields]' }],
  );
});

test('ret and err tell inside of the span what came out, at the level asked for', async (t) => {
  const boom = new Error('boom');
  const fail = () => {
    throw boom;
  };
  const cases: [options: InstrumentOptions, fn: () => unknown, level: string | undefined, fields: object][] =
    [
      [{ ret: true }, () => 5, 'INFO', { return: 5 }],
      [{ ret: { level: 'debug' } }, async () => 6, 'DEBUG', { return: 6 }],
      [{ err: true }, fail, 'ERROR', { error: boom }],
      [{ err: { level: 'warn' } }, async () => fail(), 'WARN', { error: boom }],
      [{ err: true }, () => Promise.reject('text'), 'ERROR', { error: 'text' }],
      [{ ret: true, err: true }, () => undefined, 'INFO', { return: undefined }],
      [{ ret: true }, fail, undefined, {}],
      [{ err: true }, () => 5, undefined, {}],
      [{}, fail, undefined, {}],
    ];
  for (const [options, fn, level, fields] of cases) {
    const recorder = await record(async () => {
      try {
        await log.instrument({ ...options, name: 'work' }, fn)();
      } catch (error) {
        t.true(error === boom || error === 'text', 'it goes on unchanged');
      }
    });
    t.is(recorder.events.length, level === undefined ? 0 : 1);
    t.is(recorder.events[0]?.level, level as 'INFO');
    t.deepEqual(lastFields(recorder), fields);
    const [close, exit, event] = recorder.heard.toReversed();
    t.deepEqual([close?.startsWith('close work'), exit], [true, 'exit work']);
    if (level !== undefined) t.is(event, 'event - in work');
    const isFailed = fn === fail || String(fn).includes('fail()') || String(fn).includes('reject');
    t.is(recorder.spans[0]?.thrown !== undefined, isFailed, String(fn));
  }
});

test('ret and err tell also where the span itself is hidden', async (t) => {
  const { registry, recorder } = recording({ filter: 'info' });
  await withDefault(registry, async () => {
    const options = { level: 'debug', ret: { level: 'info' }, err: true } as const;
    const work = log.instrument(options, async (a: number) => {
      if (a < 0) throw new RangeError('negative');
      return a;
    });
    await log.inSpan('around', async () => {
      t.is(await work(5), 5);
      await t.throwsAsync(work(-1), { instanceOf: RangeError });
    });
  });
  t.deepEqual(recorder.only('event'), ['event - in around', 'event - in around']);
});

test('a sync generator is inside at each resume, outside between, and ends when it is done', async (t) => {
  const count = log.instrument(function* count(to: number): Generator<number, string, string> {
    for (let i = 0; i < to; i++) {
      t.is(here(), 'count');
      t.is(yield i, `got ${i}`);
    }
    return 'done';
  });
  const { spans, heard } = await record(() => {
    const generator = count(2);
    t.is(generator[Symbol.iterator](), generator);
    t.deepEqual(generator.next(), { done: false, value: 0 });
    t.is(here(), '');
    t.deepEqual(generator.next('got 0'), { done: false, value: 1 });
    t.deepEqual(generator.next('got 1'), { done: true, value: 'done' });
    t.deepEqual(generator.next(), { done: true, value: undefined } as never);
    for (const i of log.instrument(function* left() {
      yield 1;
      yield 2;
    })())
      if (i === 1) break;
    t.deepEqual(
      [
        ...log.instrument(
          log.instrument(function* twice() {
            yield here();
          }),
        )(),
      ],
      ['twice'],
    );
  });
  t.deepEqual(
    spans.map(({ isClosed, entered }) => [isClosed, entered]),
    // The first enter is that of the call, which runs nothing yet.
    [4, 3, 3, 3].map((entered) => [true, entered]),
  );
  const times = (kind: string) => heard.filter((line) => line === `${kind} count`).length;
  t.deepEqual([times('enter'), times('exit'), times('close')], [4, 4, 1]);
});

test('an async generator does so too, and a failing one fails its span', async (t) => {
  const error = new Error('boom');
  const stream = log.instrument({ ret: true, err: true }, async function* stream(fails: boolean) {
    await sleep(1);
    yield here();
    await sleep(1);
    if (fails) throw error;
    yield here();
  });
  const { spans, heard } = await record(async () => {
    const seen: string[] = [];
    for await (const name of stream(false)) seen.push(name, here());
    t.deepEqual(seen, ['stream', '', 'stream', '']);
    const failing = stream(true);
    await failing.next();
    t.is(await t.throwsAsync(async () => failing.next()), error);
    const { done } = await failing.next();
    t.true(done);
    const closed = stream(false);
    await closed.next();
    t.deepEqual(await closed.return(undefined), { done: true, value: undefined });
  });
  t.deepEqual(
    spans.map(({ isClosed, thrown }) => [isClosed, thrown?.error]),
    [undefined, error, undefined].map((thrown) => [true, thrown]),
  );
  t.is(heard.filter((line) => line === 'event - in stream').length, 3, 'two returned, one threw');
});

test("what ret and err tell is of the span's target, with the fields of whoever instruments, ret of its level", async (t) => {
  const fail = () => {
    throw new Error('boom');
  };
  const { events } = await record(() => {
    const options = { name: 'work', target: 'other', level: 'debug', ret: true, err: true } as const;
    log.child({ nic: 'eth0' }).instrument(options, () => 5)();
    t.throws(() => log.instrument(options, fail)());
    log.instrument({ name: 'work', ret: true }, () => 6)();
  });
  t.deepEqual(
    events.map(({ target: name, level, fields }) => [name, level, fields.names]),
    [
      ['other', 'DEBUG', ['nic', 'return']],
      ['other', 'ERROR', ['error']],
      ['agent', 'INFO', ['return']],
    ],
  );
});

test('a promise keeps its own properties, but not what async hooks keep with it', (t) => {
  const storage = new AsyncLocalStorage<string>();
  const own = Symbol('own');
  const step = storage.run('store', async () => null);
  // Promises that are made from now on have no store of their own.
  storage.disable();
  const promise = withDefault(recording().registry, () =>
    log.instrument(() => Object.assign(step, { child: 5, [own]: 6 }))(),
  );
  t.not(promise, step);
  t.like(promise, { child: 5, [own]: 6 });
  const kept = Reflect.ownKeys(promise).map((key) => Reflect.get(promise, key) as unknown);
  t.false(kept.includes('store'));
});
