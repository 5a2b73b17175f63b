import { setTimeout as sleep } from 'node:timers/promises';
import { createContext, runInContext, runInNewContext } from 'node:vm';
import test from 'ava';
import { fieldsJson } from '../src/diagnostics/write/fields-json.ts';
import { messageOf } from '../src/errors.ts';
import { FieldsText } from '../src/format/fields-text.ts';
import { MemoryLayer } from '../src/layers/memory-layer.ts';
import { attributesOf } from '../src/opentelemetry/layer/attributes.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Fields } from '../src/tracing/fields.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';

/** An Error as programs under Jest, or with `vm`, get it: `instanceof Error` is false. */
const foreign = runInNewContext(`new TypeError('boom', { cause: new Error('disk') })`) as Error;

test('an Error of another realm is an Error in each spelling', (t) => {
  t.false(foreign instanceof Error);
  const fields = new Fields(['error'], [foreign]);
  t.is(fieldsJson('{', fields, '}'), '{"error":"boom","error.sources":["disk"]}');
  const text = new FieldsText(' ', (name, suffix) => `${name}${suffix}=`).of(fields);
  t.is(text, 'error=boom error.sources=[disk]');
  t.is(attributesOf(fields, undefined)['error'], 'boom');
  t.is(messageOf(foreign), 'boom');
});

test('an Error of another realm is told as one of this realm is, given or thrown', (t) => {
  const memory = new MemoryLayer();
  const log = target('t');
  withDefault(new Registry().with(memory), () => {
    log.error(foreign);
    t.throws(() => log.inSpan('work', () => throwForeign()), { is: foreign, any: true });
  });
  const { events, spans } = memory.take();
  t.is(events[0]?.message, 'boom');
  t.like(events[0]?.fields, { error: { message: 'boom' } });
  t.like(spans[0], { result: 'fail', reason: 'boom', sources: ['disk'] });
});

function throwForeign(): never {
  throw foreign;
}

/** What programs under Jest, or with `vm`, return: promises and generators that are none of this realm's. */
const MADE = {
  'an async function': `async () => 5`,
  'a promise that settles later': `() => new Promise((done) => Promise.resolve().then(() => done(5)))`,
  'a promise that is resolved': `() => Promise.resolve(5)`,
  'a promise with properties': `() => Object.assign(Promise.resolve(5), { child: 1 })`,
};

for (const [what, source] of Object.entries(MADE)) {
  test(`${what} of another realm ends its span when it settles, whoever waits for it`, async (t) => {
    const context = createContext({});
    const make = runInContext(source, context) as () => Promise<number>;
    const wait = runInContext('async (promise) => await promise', context) as typeof Promise.resolve;
    const log = target('t');
    for (const call of [() => log.inSpan('work', make), log.instrument({ name: 'work' }, make)]) {
      const memory = new MemoryLayer();
      const given = withDefault(new Registry().with(memory), call);
      t.is(Object.getPrototypeOf(given), Object.getPrototypeOf(make()), 'it is one of its own realm');
      t.is(await wait(given), 5);
      t.like(memory.take().spans[0], { result: 'success' });

      const alone = new MemoryLayer();
      withDefault(new Registry().with(alone), call);
      await sleep(5);
      t.like(alone.take().spans[0], { result: 'success' });
    }
  });
}

test('a promise of another realm that is rejected fails its span, and rejects with the same', async (t) => {
  const reject = runInNewContext(`async () => { throw new Error('boom'); }`) as () => Promise<void>;
  const memory = new MemoryLayer();
  await withDefault(new Registry().with(memory), async () => {
    const error = await target('t')
      .inSpan('work', reject)
      .then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
    t.is(messageOf(error), 'boom');
  });
  t.like(memory.take().spans[0], { result: 'fail', reason: 'boom' });
});

test('generators of another realm run in their span and end it', async (t) => {
  const sync = runInNewContext('(function* () { yield 1; yield 2; })') as () => Generator<number>;
  const later = runInNewContext('(async function* () { yield 1; yield 2; })') as () => AsyncGenerator<number>;
  const memory = new MemoryLayer();
  await withDefault(new Registry().with(memory), async () => {
    const log = target('t');
    t.deepEqual([...log.instrument({ name: 'sync' }, sync)()], [1, 2]);
    const items: number[] = [];
    for await (const item of log.instrument({ name: 'later' }, later)()) items.push(item);
    t.deepEqual(items, [1, 2]);
  });
  t.deepEqual(
    memory.take().spans.map(({ name, result }) => [name, result]),
    [
      ['sync', 'success'],
      ['later', 'success'],
    ],
  );
});
