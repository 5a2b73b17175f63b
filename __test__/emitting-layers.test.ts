import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Layer } from '../src/tracing/layer.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';

const log = target('t');

/** A registry of these layers and one more, that keeps what it hears. */
function registryOf(...layers: Layer[]) {
  const heard: string[] = [];
  const problems: string[] = [];
  const registry = new Registry({ onProblem: ({ message }) => problems.push(message) });
  for (const layer of layers) registry.with(layer);
  registry.with({
    name: 'listener',
    onNewSpan: ({ name }) => void heard.push(`new ${name}`),
    onRecord: ({ name }) => void heard.push(`record ${name}`),
    onEnter: ({ name }) => void heard.push(`enter ${name}`),
    onExit: ({ name }) => void heard.push(`exit ${name}`),
    onClose: ({ name }) => void heard.push(`close ${name}`),
    onEvent: ({ message }) => void heard.push(String(message)),
  });
  const run = <R>(act: () => R): R => withDefault(registry, act);
  return { registry, heard, problems, run };
}

const said = (name: string) =>
  `${name} emitted inside of its own hook; what it emitted there is discarded. Emit behind it, as by queueMicrotask()`;

const HOOKS = ['onNewSpan', 'onRecord', 'onEnter', 'onExit', 'onClose', 'onEvent', 'onFollowsFrom'] as const;
const ALL = ['new a', 'enter a', 'record a', 'event', 'exit a', 'close a'];

function everything(): void {
  log.inSpan('a', (span) => {
    span.record({ x: 1 });
    span.followsFrom(span);
    span.info('event');
  });
}

for (const [what, act] of Object.entries<(span: Span | undefined) => void>({
  'emits an event': () => log.info('nested'),
  'emits an event of the span': (span) => span?.info('nested'),
  'opens a span': () => log.span('nested').close(),
  'runs in a span': () => log.inSpan('nested', (span) => (span.record({ x: 1 }), span.info('deeper'))),
  'runs an instrumented function': () => log.instrument(function nested() {})(),
  'records a field': (span) => span?.record({ nested: true }),
  'enters the span': (span) => span?.inScope(() => log.info('nested')),
  'says what it follows from': (span) => span?.followsFrom(span),
})) {
  for (const hook of HOOKS) {
    test(`a layer that ${what} in ${hook} is not told of that again, nor is another`, (t) => {
      const layer = {
        name: 'emitter',
        [hook]: (about: Span | { parent?: Span }) => act(about instanceof Span ? about : about.parent),
      };
      const second = { ...layer, name: 'second' };
      const { heard, problems, run, registry } = registryOf(layer, second);
      run(everything);
      t.deepEqual(heard, ALL);
      // A span that has ended takes no more fields.
      const isNothing = hook === 'onClose' && ['records a field', 'enters the span'].includes(what);
      if (isNothing && what === 'records a field') return t.deepEqual(problems, []);
      t.deepEqual(problems, [said('emitter'), said('second')]);
      const { emitter } = registry.stats() as { emitter: { suppressed: number; throws: number } };
      t.deepEqual([emitter.suppressed, emitter.throws], [1, 0]);
    });
  }
}

test('what a layer records in a hook is in the fields all the same', (t) => {
  const { run } = registryOf({ onNewSpan: (span) => void span.record({ host: 'h' }) });
  const span = run(() => log.span('a', { fields: { own: 1 } }));
  t.deepEqual(span.fields.toObject(), { own: 1, host: 'h' });
});

test('a span that a layer closes in a hook is closed for all', (t) => {
  const { run, heard, problems } = registryOf({ onEvent: ({ parent }) => parent?.close() });
  run(() => log.inSpan('a', (span) => span.info('event')));
  t.deepEqual(heard, ['new a', 'enter a', 'close a', 'event']);
  t.deepEqual(problems, []);
});

test('what a hook starts and what comes of it later is dispatched', async (t) => {
  let isFirst = true;
  const layer: Layer = {
    onEvent() {
      if (!isFirst) return;
      isFirst = false;
      void Promise.resolve().then(() => log.info('microtask'));
      setTimeout(() => log.inSpan('timer', () => {}), 1);
    },
  };
  const { run, heard, problems } = registryOf(layer);
  run(() => log.info('event'));
  await sleep(20);
  t.deepEqual(heard, ['event', 'microtask', 'new timer', 'enter timer', 'exit timer', 'close timer']);
  t.deepEqual(problems, []);
});

test('the user code that a layer wraps emits; the layer around it does not', async (t) => {
  const wrapping = (name: string): Layer => ({
    name,
    run(_span, fn) {
      log.info(`before, in ${name}`);
      const result = fn();
      log.info(`after, in ${name}`);
      return result;
    },
  });
  const { run, heard, registry } = registryOf(wrapping('outer'), wrapping('inner'));
  await run(() =>
    log.inSpan('a', async () => {
      log.info('at once');
      await sleep(1);
      log.info('later');
    }),
  );
  t.deepEqual(heard, ['new a', 'enter a', 'at once', 'later', 'exit a', 'close a']);
  t.like(registry.stats(), { outer: { suppressed: 2 }, inner: { suppressed: 2 } });
});

test('flushes and shutdowns of layers may emit', async (t) => {
  const layer: Layer = {
    async flush() {
      log.info('in a flush');
      return { complete: true, dropped: 0, problems: [] };
    },
  };
  const { run, heard, registry } = registryOf(layer);
  await run(() => registry.flush());
  t.deepEqual(heard, ['in a flush']);
});

test('a filter that emits while it is asked is heard of by nobody', (t) => {
  const { run, heard, problems, registry } = registryOf({
    name: 'filtered',
    filter: {
      verbosity: 5,
      enabled: () => {
        log.info('nested');
        log.inSpan('nested', () => {});
        return true;
      },
    },
    onEvent: () => {},
  });
  run(() => log.warn('event'));
  t.deepEqual(heard, ['event']);
  t.deepEqual(problems, [said('filtered')]);
  t.like(registry.stats(), { filtered: { suppressed: 2 } });
  registry.withFilter({ verbosity: 5, enabled: () => (log.error('nested'), true) });
  run(() => log.warn('event'));
  t.deepEqual(heard, ['event', 'event']);
  t.deepEqual(problems.slice(1), [
    'a filter emitted while it was deciding; what it emitted there is discarded. Emit behind it, as by queueMicrotask()',
  ]);
});

test('who is told of problems may emit, for each of them', (t) => {
  const heard: unknown[] = [];
  const registry = new Registry({ onProblem: ({ message }) => log.error(message) });
  const thrower: Layer = {
    name: 'thrower',
    onEvent() {
      log.info('nested');
      throw new Error('boom');
    },
  };
  registry.with(thrower).with({ onEvent: ({ message }) => void heard.push(message) });
  withDefault(registry, () => log.info('event'));
  t.deepEqual(heard, ['thrower threw: boom; it stays in use', said('thrower'), 'event']);
});

test('after a hook that throws, however deep, events are dispatched again', (t) => {
  const endless = (): number => endless() + 1;
  const { run, heard } = registryOf({ onEvent: () => void endless(), onNewSpan: () => void endless() });
  run(() => {
    log.info('one');
    log.inSpan('a', () => log.info('two'));
  });
  t.deepEqual(heard, ['one', 'new a', 'enter a', 'two', 'exit a', 'close a']);
});
