import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { OptionError, SubscriberSetError } from '../src/errors.ts';
import * as free from '../src/index.ts';
import { setGlobalDefault, withDefault } from '../src/tracing/default-subscriber.ts';
import type { FilterInput } from '../src/tracing/filter.ts';
import { Level, levelOf, verbosityOf } from '../src/tracing/level.ts';
import { Registry } from '../src/tracing/registry.ts';
import { Span } from '../src/tracing/span.ts';
import { target } from '../src/tracing/target.ts';
import { Recorder, recording } from './helpers/recorder.ts';

const log = target('agent');

/** Runs `fn` with a recorder of its own and returns it. */
function record(fn: () => void, filter?: FilterInput): Recorder {
  const { recorder, registry } = recording(filter === undefined ? {} : { filter });
  withDefault(registry, fn);
  return recorder;
}

test('levels are known in any case, error is 1 and trace is 5', (t) => {
  for (const [index, level] of Object.values(Level).entries()) {
    const mixed = level.charAt(0) + level.slice(1).toLowerCase();
    for (const name of [level, level.toLowerCase(), mixed]) {
      t.is(verbosityOf(name), (index + 1) as 1);
      t.is(levelOf(name), level);
    }
  }
  t.is(verbosityOf('Off'), 0);
  t.is(verbosityOf('loud'), undefined);
  t.is(levelOf('loud'), 'INFO', 'emitting never throws');
});

test('a filter lets pass its level and what is more urgent, off nothing', (t) => {
  const seen = (filter: FilterInput) =>
    record(() => {
      for (const level of Object.values(Level)) log.event(level, level);
    }, filter).events.map(({ message }) => message);
  t.deepEqual(seen('warn'), ['ERROR', 'WARN']);
  t.deepEqual(seen('TRACE'), ['ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE']);
  t.deepEqual(seen('Error' as 'error'), ['ERROR']);
  t.deepEqual(seen('off'), []);
  t.throws(() => new Recorder({ filter: 'loud' as 'off' }), {
    instanceOf: OptionError,
    message: 'filter must be off, error, warn, info, debug, trace or a filter, not "loud"',
  });
});

test("the registry's own filter holds for all layers", (t) => {
  const { registry, recorder } = recording();
  registry.withFilter('info');
  withDefault(registry, () => {
    log.debug('no');
    log.info('yes');
  });
  t.deepEqual(recorder.heard, ['event yes']);
});

test('layers hear everything in the order of with(), null and undefined are skipped', (t) => {
  const heard: string[] = [];
  const registry = new Registry()
    .with(new Recorder({ name: 'a', heard }))
    .with(null)
    .with(new Recorder({ name: 'b', heard }))
    .with(undefined);
  withDefault(registry, () => log.inSpan('work', () => log.info('hi')));
  const each = ['new work', 'enter work', 'event hi in work', 'exit work', 'close work'];
  t.deepEqual(
    heard,
    each.flatMap((line) => [`a: ${line}`, `b: ${line}`]),
  );
});

test('layers of one name are told apart', (t) => {
  const registry = new Registry().with(new Recorder()).with(new Recorder()).with(new Recorder());
  t.deepEqual(Object.keys(registry.stats()), ['Recorder', 'Recorder 2', 'Recorder 3']);
});

test('a registry refuses more layers than it can tell apart', (t) => {
  const registry = new Registry();
  for (let i = 0; i < 31; i++) registry.with({});
  t.throws(() => registry.with({}), { instanceOf: RangeError });
});

test("a span that one layer's filter hides vanishes from its scope only", (t) => {
  const heard: string[] = [];
  const coarse = new Recorder({ name: 'coarse', heard, filter: 'info' });
  const fine = new Recorder({ name: 'fine', heard, filter: 'debug' });
  withDefault(new Registry().with(coarse).with(fine), () =>
    log.inSpan('outer', () =>
      log.inSpan('hidden', { level: 'debug' }, () => log.inSpan('inner', () => log.info('hi'))),
    ),
  );
  t.true(heard.includes('coarse: new inner in outer'));
  t.true(heard.includes('fine: new inner in hidden'));
  t.false(heard.some((line) => line.startsWith('coarse:') && line.includes('hidden')));
  const [view] = coarse.views;
  const hidden = fine.spans[1];
  t.is(view?.visible(hidden)?.name, 'outer');
  t.is(view?.visible(undefined), undefined);
  t.deepEqual(
    view?.scope(fine.spans[2]).map(({ name }) => name),
    ['outer', 'inner'],
  );
});

test('an event is told by a message, fields, an error, or two of them', (t) => {
  const error = new Error('boom');
  const { events } = record(() => {
    log.info('%s is no format');
    log.info({ a: 1 }, 'both');
    log.info({ a: 1 });
    log.error(error);
    log.error(error, 'said otherwise');
    log.warn({ message: 'among fields', a: 1 });
    log.warn({ message: 'among fields' }, 'wins');
    log.event('debug', () => ({ lazy: true }), 'lazy');
    log.event(Level.TRACE, { message: 5 });
  });
  t.deepEqual(
    events.map(({ level, message, fields }) => [level, message, { ...fields.toObject() }]),
    [
      ['INFO', '%s is no format', {}],
      ['INFO', 'both', { a: 1 }],
      ['INFO', undefined, { a: 1 }],
      ['ERROR', 'boom', { error }],
      ['ERROR', 'said otherwise', { error }],
      ['WARN', 'among fields', { a: 1 }],
      ['WARN', 'wins', { message_: 'among fields' }],
      ['DEBUG', 'lazy', { lazy: true }],
      ['TRACE', '5', {}],
    ],
  );
  // @ts-expect-error a string followed by anything is a type error
  void (() => log.info('message', { a: 1 }));
});

test('what is disabled evaluates nothing and calls no layer', (t) => {
  const fields = () => t.fail() as never;
  const { heard } = record(() => {
    log.debug(fields, 'no');
    t.is(
      log.inSpan('no', { level: 'debug', fields }, (span) => (span.info('no'), span.isDisabled)),
      true,
    );
    t.true(log.span('no', { level: 'trace', fields }).isDisabled);
  }, 'info');
  t.deepEqual(heard, []);
});

test('inside of a disabled span the current one is that around it', (t) => {
  const { heard } = record(
    () => log.inSpan('outer', () => log.inSpan('no', { level: 'debug' }, () => log.info('hi'))),
    'info',
  );
  t.true(heard.includes('event hi in outer'));
});

test("a child target's fields are in its events and spans, the caller's go over them", (t) => {
  const { events, spans } = record(() => {
    const child = target('agent::net', { nic: 'eth0' }).child({ try: 1 });
    t.is(child.name, 'agent::net');
    child.info({ try: 2, a: 1 }, 'hi');
    child.info('plain');
    child.span('dhcp', { fields: { nic: 'eth1' }, target: 'other' });
  });
  t.deepEqual(
    events.map(({ target: name, fields }) => [name, { ...fields.toObject() }]),
    [
      ['agent::net', { nic: 'eth0', try: 2, a: 1 }],
      ['agent::net', { nic: 'eth0', try: 1 }],
    ],
  );
  t.deepEqual({ ...spans[0]?.fields.toObject() }, { nic: 'eth1', try: 1 });
  t.is(spans[0]?.metadata.target, 'other');
});

test('enabled tells whether anybody would see an event', (t) => {
  t.false(log.enabled('error'));
  record(() => {
    t.true(log.enabled('INFO'));
    t.false(log.enabled('debug'));
  }, 'info');
});

test('the free functions are those of the target app', (t) => {
  const { events, spans } = record(() => {
    free.event('info', { a: 1 }, 'event');
    for (const level of ['error', 'warn', 'info', 'debug', 'trace'] as const) free[level]({ a: 1 }, level);
    free.span('span').close();
    t.is(
      free.inSpan('inSpan', () => free.inSpan('deeper', {}, (span) => span.parent?.name)),
      'inSpan',
    );
    t.is(free.instrument((a: number) => a + 1)(1), 2);
  });
  t.deepEqual(
    events.map(({ level, message }) => `${level} ${message}`),
    ['INFO event', 'ERROR error', 'WARN warn', 'INFO info', 'DEBUG debug', 'TRACE trace'],
  );
  t.true([...events, ...spans].every(({ metadata }) => metadata.target === 'app'));
  t.deepEqual(
    spans.map(({ name }) => name),
    ['span', 'inSpan', 'deeper', 'anonymous'],
  );
});

test.serial('a global default is set once, until its shutdown', async (t) => {
  const one = recording();
  setGlobalDefault(one.registry);
  log.info('first');
  const two = recording();
  t.throws(() => setGlobalDefault(two.registry), {
    instanceOf: SubscriberSetError,
    code: 'ERR_KVP_SUBSCRIBER_SET',
  });
  const span = log.span('open');
  t.is(one.registry.shutdown(), one.registry.shutdown(), 'a shutdown happens once');
  t.deepEqual(await one.registry.shutdown(), { complete: true, dropped: 0, problems: [] });
  log.info('nobody');
  t.true(log.span('nobody').isDisabled);
  setGlobalDefault(two.registry);
  t.teardown(() => two.registry.shutdown());
  log.info('second');
  span.info('told to whoever made the span');
  t.deepEqual(one.recorder.only('event'), ['event first', 'event told to whoever made the span in open']);
  t.deepEqual(two.recorder.heard, ['event second']);
});

test.serial('withDefault goes over the global default, nested and concurrently', async (t) => {
  const [global, outer, inner] = [recording(), recording(), recording()];
  setGlobalDefault(global.registry);
  t.teardown(() => global.registry.shutdown());
  const run = async (name: string): Promise<string> => {
    log.info(`${name} 1`);
    await sleep(1);
    log.info(`${name} 2`);
    return name;
  };
  const results = await Promise.all([
    withDefault(outer.registry, () =>
      log.inSpan('around', async () => {
        await withDefault(inner.registry, () => (t.true(Span.current().isDisabled), run('inner')));
        return run('outer');
      }),
    ),
    run('global'),
  ]);
  t.deepEqual(results, ['outer', 'global']);
  t.deepEqual(global.recorder.heard, ['event global 1', 'event global 2']);
  t.deepEqual(inner.recorder.heard, ['event inner 1', 'event inner 2']);
  t.deepEqual(outer.recorder.only('event'), ['event outer 1 in around', 'event outer 2 in around']);
  t.throws(() => withDefault(inner.registry, () => JSON.parse('{')), { instanceOf: SyntaxError });
  const foreign = withDefault(outer.registry, () => log.span('foreign'));
  withDefault(inner.registry, () => foreign.inScope(() => log.info('no parent of another registry')));
  t.is(inner.recorder.events.at(-1)?.message, 'no parent of another registry');
  t.is(inner.recorder.events.at(-1)?.parent, undefined);
});

test('a filter that is widened, or a layer that is added, later is heard of', (t) => {
  const late = new Recorder({ filter: 'error' });
  const added = new Recorder();
  const registry = new Registry().with(late);
  withDefault(registry, () => {
    log.trace('too early');
    late.withFilter('trace');
    log.trace('heard');
    registry.with(added);
    log.trace('both');
  });
  t.deepEqual(
    [late, added].map(({ events }) => events.map(({ message }) => message)),
    [['heard', 'both'], ['both']],
  );
});

/** The message and fields of an event with these arguments, as a program without types may give them. */
function told(...args: unknown[]): [string | undefined, Record<string, unknown>] {
  const emit = log.error.bind(log) as (...given: unknown[]) => void;
  const [event] = record(() => emit(...args)).events;
  return [event?.message, { ...event?.fields.toObject() }];
}

test('a field named message stays when there is a message, under the next free name', (t) => {
  t.deepEqual(told({ message: 'quota exceeded', code: 429 }, 'request failed'), [
    'request failed',
    { message_: 'quota exceeded', code: 429 },
  ]);
  t.deepEqual(told({ message: 0 }, 'm'), ['m', { message_: 0 }]);
  t.deepEqual(told({ message: { deep: 1 } }, ''), ['', { message_: { deep: 1 } }]);
  t.deepEqual(told({ message_: 1, message: 2 }, 'm'), ['m', { message_: 1, message__: 2 }]);
  t.deepEqual(
    told(() => ({ message: 'lazy' }), 'm'),
    ['m', { message_: 'lazy' }],
  );
  t.deepEqual(told({ message: 'alone' }), ['alone', {}]);
});

test('what is no object is kept as the field error, because catch may give anything', (t) => {
  const symbol = Symbol('s');
  for (const value of [5, 0, NaN, 5n, true, false, null, symbol, 'thrown text', '']) {
    t.deepEqual(told(value, 'm'), ['m', { error: value }]);
    t.deepEqual(
      told(() => value, 'm'),
      ['m', { error: value }],
    );
  }
  t.deepEqual(told(5), ['5', { error: 5 }]);
  t.deepEqual(told(5n), ['5n', { error: 5n }]);
  t.deepEqual(told(null), ['null', { error: null }]);
  t.deepEqual(told(undefined, 'm'), ['m', {}]);
  t.deepEqual(told('m', undefined), ['m', {}]);
});

test('a message that stands first costs nothing of what stands behind it', (t) => {
  const error = new Error('boom');
  t.deepEqual(told('m', { code: 1 }), ['m', { code: 1 }]);
  t.deepEqual(told('m', error), ['m', { error }]);
  t.deepEqual(told('m', 5), ['m', { error: 5 }]);
});

test('a filter that asks for given names only has no function called for them', (t) => {
  let calls = 0;
  const filter = { verbosity: 5, enabled: () => false };
  record(() => log.info(() => ({ calls: calls++ }), 'm'), filter);
  t.is(calls, 0);
});

test('filters are asked with the names that the fields have in the end', (t) => {
  const names: string[][] = [];
  const filter = {
    verbosity: 5,
    fieldNames: () => 'all' as const,
    enabled: ({ fieldNames }: { fieldNames: readonly string[] }) => names.push([...fieldNames]) > 0,
  };
  const emit = log.error.bind(log) as (...given: unknown[]) => void;
  record(() => {
    emit({ a: 1, message: 2 }, 'm');
    emit(5, 'm');
    emit('m', { b: 1 });
    emit('m');
  }, filter);
  t.deepEqual(names, [['message', 'a', 'message_'], ['message', 'error'], ['message', 'b'], ['message']]);
});

test('each hook of a layer must be a function', (t) => {
  const hooks = ['onNewSpan', 'onRecord', 'onFollowsFrom', 'onEnter', 'onExit', 'onClose', 'onEvent'];
  for (const hook of [...hooks, 'run', 'childEnv', 'flush', 'shutdown', 'stats']) {
    t.throws(() => new Registry().with({ [hook]: 5 }), { instanceOf: OptionError }, hook);
  }
});
