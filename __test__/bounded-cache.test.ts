import test from 'ava';
import { BoundedCache } from '../src/tracing/bounded-cache.ts';
import { EmitKVPLayer } from '../src/layers/emit-kvp-layer.ts';
import { StderrLayer } from '../src/layers/stderr-layer.ts';
import { JsonLayer, pinoBridge } from '../src/pino/index.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';
import { poolOf } from './helpers/pool-folder.ts';

const MAX = 1024;

/** A cache with so many entries, `key 0` first. */
function filled(whenFull: 'clear' | 'refuse', count: number): BoundedCache<number> {
  const cache = new BoundedCache<number>({ whenFull });
  for (let i = 0; i < count; i++) cache.add(`key ${i}`, () => i);
  return cache;
}

test('what was made of a key is found again until the cache is full, then all room is for new keys', (t) => {
  const cache = filled('clear', MAX);
  t.is(cache.get('key 0'), 0);
  t.is(cache.get(`key ${MAX - 1}`), MAX - 1);
  t.is(cache.get('another'), undefined);
  t.is(
    cache.add('one more', () => -1),
    -1,
  );
  t.deepEqual([cache.get('key 0'), cache.get('one more')], [undefined, -1]);
});

test('a full cache that refuses keeps what it has, and says so to whoever makes the next value', (t) => {
  const cache = filled('refuse', MAX);
  const kept: boolean[] = [];
  const make = (_: string, isKept: boolean): number => kept.push(isKept);
  cache.add('one more', make);
  cache.add('key 0', make);
  t.deepEqual(kept, [false, true]);
  t.deepEqual([cache.get('one more'), cache.get('key 0'), cache.get('key 1')], [undefined, 2, 1]);
});

test('a value in place of another needs no room', (t) => {
  const cache = filled('clear', MAX);
  cache.add('key 1', () => -1);
  t.deepEqual([cache.get('key 0'), cache.get('key 1')], [0, -1]);
});

test('a key that is too long, or half of a surrogate pair, is never kept', (t) => {
  const cache = new BoundedCache<string>({ keyMax: 8 });
  for (const key of ['x'.repeat(9), 'x\ud800']) {
    t.is(
      cache.add(key, (own, isKept) => `${own} ${isKept}`),
      `${key} false`,
    );
    t.is(cache.get(key), undefined);
  }
  cache.add('日'.repeat(8), () => 'kept');
  t.is(cache.get('日'.repeat(8)), 'kept');
});

/** What emits something with a text that the program made, by what is made of it. */
const SAID: Record<string, (text: string) => void> = {
  'names of spans': (text) => target('t').span(text).close(),
  'names of targets': (text) => target(text).info('hi'),
  'names of fields': (text) => target('t').info({ [text]: 1 }),
  messages: (text) => target('t').info(text),
  'names of loggers': (text) => bridge.write(`${JSON.stringify({ level: 30, name: text, msg: 'hi' })}\n`),
};
const bridge = pinoBridge();

/** Texts of 100 kB that are said as they are, and short ones that are cut out of such a text. */
const TEXTS = {
  long: (i: number) => `${i}`.repeat(100_000 / `${i}`.length),
  'cut out of long ones': (i: number) =>
    Buffer.alloc(100_000, `line ${i} of what a child wrote\n`).toString().slice(0, 30),
};

for (const [what, say] of Object.entries(SAID)) {
  for (const [which, textOf] of Object.entries(TEXTS)) {
    test.serial(`${what} that are ${which} are not kept alive`, async (t) => {
      const writer = { write() {} };
      const registry = new Registry({ onProblem: () => {} })
        .with(new EmitKVPLayer({ path: poolOf(t), vmId: 'vm', queueBytes: 4096, onProblem: () => {} }))
        .with(new StderrLayer({ writer, filter: 'info', color: false }))
        .with(new JsonLayer({ writer, filter: 'info' }));
      const used = (): number => {
        for (let i = 0; i < 4; i++) globalThis.gc?.();
        return process.memoryUsage().heapUsed;
      };
      withDefault(registry, () => say(textOf(1000)));
      const before = used();
      withDefault(registry, () => {
        for (let i = 0; i < 200; i++) say(textOf(i));
      });
      const grown = used() - before;
      t.true(grown < 4_000_000, `${grown} bytes of 20,000,000`);
      await registry.shutdown({ timeout: 1000 });
    });
  }
}
