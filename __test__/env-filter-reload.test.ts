import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import '../src/filter/text-filters.ts';
import { OptionError } from '../src/errors.ts';
import { EnvFilter } from '../src/filter/env-filter.ts';
import { reload } from '../src/filter/reload.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import type { Event } from '../src/tracing/event.ts';
import type { Layer, LayerView } from '../src/tracing/layer.ts';
import { Registry } from '../src/tracing/registry.ts';
import type { Span } from '../src/tracing/span.ts';
import { sleepSync } from '../src/sleep-sync.ts';
import { target } from '../src/tracing/target.ts';
import { Recorder } from './helpers/recorder.ts';

const log = target('agent');

for (const place of ['registry', 'layer'] as const) {
  test(`a filter of a ${place} is exchanged while spans are open, and kept decisions are dropped`, (t) => {
    const [filter, handle] = reload('info');
    const recorder = new Recorder();
    const registry = new Registry().with(place === 'registry' ? filter : null);
    registry.with(place === 'registry' ? recorder : recorder.withFilter(filter));
    withDefault(registry, () => {
      const hear = (): number => {
        recorder.events.length = 0;
        for (const level of ['error', 'info', 'debug', 'trace'] as const) log[level](level);
        return recorder.events.length;
      };
      t.is(hear(), 2);
      log.inSpan('work', (span) => {
        handle.reload('trace');
        t.is(hear(), 4);
        t.is(recorder.events[3]?.parent, span);
        handle.reload('error,[work]=debug');
        t.is(hear(), 1, 'the span was entered before');
        span.inScope(() => t.is(hear(), 3));
        handle.reload('error,other::[work]=debug');
        t.is(hear(), 1);
        span.inScope(() => t.is(hear(), 1));
        handle.reload(({ level }) => level === 'TRACE');
        t.is(hear(), 1);
        handle.reload('off');
        t.is(hear(), 0);
        t.false(log.enabled('error'));
      });
      handle.reload(new EnvFilter('agent=info'));
      t.is(hear(), 2);
    });
  });
}

test('a change in another place keeps what is open open', (t) => {
  const [filter, handle] = reload('info');
  const [other, open] = [new Recorder(), new Recorder({ filter: '[work]=debug' })];
  withDefault(new Registry().with(other.withFilter(filter)).with(open), () =>
    log.inSpan('work', () => {
      handle.reload('warn');
      log.debug('inside');
    }),
  );
  t.is(open.events.length, 1);
  t.is(other.events.length, 0);
});

test('a filter within a filter, and one that is in use in several places, changes everywhere', (t) => {
  const [inner, handle] = reload('off');
  const [outer] = reload(inner);
  const recorders = [new Recorder({ filter: outer }), new Recorder({ filter: inner })];
  const registry = new Registry().with(recorders[0]).with(recorders[1]);
  withDefault(registry, () => {
    log.info('off');
    handle.reload('info');
    log.info('on');
  });
  t.deepEqual(
    recorders.map(({ heard }) => heard),
    [['event on'], ['event on']],
  );
  recorders[0]?.withFilter('error');
  handle.reload('debug');
  withDefault(registry, () => log.debug('debug'));
  t.deepEqual(
    recorders.map(({ events }) => events.length),
    [1, 2],
  );
});

test('a reload reaches what runs already, across awaits', async (t) => {
  const [filter, handle] = reload('info');
  const recorder = new Recorder({ filter });
  await withDefault(new Registry().with(recorder), async () => {
    const work = log.inSpan('work', async () => {
      log.debug('before');
      await sleep(5);
      log.debug('after');
    });
    handle.reload('debug');
    await work;
  });
  t.deepEqual(recorder.only('event'), ['event after in work']);
});

/** A layer that keeps its own name with each span. */
class Keeper extends Recorder implements Layer<string> {
  readonly kept: (string | undefined)[] = [];

  override onNewSpan(span: Span, view: LayerView<string>): void {
    super.onNewSpan(span, view);
    view.set(span, `${this.name} ${span.name}`);
  }

  override onEvent(event: Event, view: LayerView<string>): void {
    super.onEvent(event, view);
    this.kept.push(
      view
        .scope(event.parent)
        .map((span) => view.get(span))
        .join(' > '),
    );
  }
}

test('a layer is exchanged for another, which sees what is made from then on and all events', async (t) => {
  const [first, second] = [new Keeper({ name: 'first' }), new Keeper({ name: 'second', filter: 'info' })];
  const [layer, handle] = reload(first);
  const registry = new Registry().with(layer);
  withDefault(registry, () =>
    log.inSpan('old', (old) => {
      log.debug('one');
      handle.reload(second);
      log.debug('hidden by the filter');
      log.inSpan('new', (span) => {
        span.record({ a: 1 });
        old.record({ b: 1 });
        span.followsFrom(old);
        log.info('two');
      });
    }),
  );
  await registry.shutdown();
  t.deepEqual(first.heard, [
    'first: new old',
    'first: enter old',
    'first: event one in old',
    'first: shutdown',
  ]);
  t.deepEqual(first.kept, ['first old']);
  t.deepEqual(second.heard, [
    'second: new new',
    'second: enter new',
    'second: record new {"a":1}',
    'second: follows new old',
    'second: event two in new',
    'second: exit new',
    'second: close new',
    'second: shutdown',
  ]);
  t.deepEqual(second.kept, ['second new']);
});

test('a filter in place of a layer is set as its filter', (t) => {
  const recorder = new Recorder();
  const [layer, handle] = reload(recorder);
  withDefault(new Registry().with(layer), () => {
    handle.reload('warn');
    log.info('no');
    handle.reload('agent=debug');
    log.debug('yes');
    handle.reload(recorder);
    log.debug('itself');
    recorder.withFilter('off');
    log.error('no more');
  });
  t.deepEqual(recorder.heard, ['event yes', 'event itself']);
});

test('a layer that wraps code, or fails at its end, is exchanged like others', async (t) => {
  const calls: string[] = [];
  const wrapping: Layer = {
    run: (_, fn) => (calls.push('run'), fn()),
    shutdown: () => {
      throw new Error('it does not end');
    },
  };
  const [layer, handle] = reload(wrapping);
  const registry = new Registry().with(layer);
  withDefault(registry, () => {
    log.inSpan('one', () => calls.push('one'));
    t.notThrows(() => handle.reload({ stats: () => 'plain' }));
    log.inSpan('two', () => calls.push('two'));
  });
  t.deepEqual(calls, ['run', 'one', 'two']);
  t.like(await registry.flush(), { complete: true, problems: [] });
  t.like(await registry.shutdown(), { complete: true, problems: [] });
});

test('what is neither a filter nor a layer is refused, and what was there stays', (t) => {
  const [filter, handle] = reload('info');
  const [, ofLayer] = reload({ name: 'Plain', onEvent() {} });
  const refused = { instanceOf: OptionError, code: 'ERR_KVP_INVALID_OPTION' };
  t.throws(() => handle.reload('verbose'), refused);
  t.throws(() => handle.reload('agent=loud'), { ...refused, message: /"loud" is no level/ });
  t.throws(() => reload(null as never), refused);
  t.throws(() => reload('verbose'), refused);
  t.throws(() => ofLayer.reload('info'), { ...refused, message: /for Plain has no withFilter/ });
  t.throws(() => ofLayer.reload(undefined as never), refused);
  t.is(filter.verbosity, 3);
});

test('a filter or a layer that is reloaded by itself stays what it is', (t) => {
  const [filter, filterHandle] = reload('info');
  const [layer, layerHandle] = reload(new Recorder());
  const registry = new Registry().with(filter).with(layer);
  filterHandle.reload(filter);
  layerHandle.reload(layer);
  withDefault(registry, () => t.deepEqual([log.enabled('info'), log.enabled('debug')], [true, false]));
  filterHandle.reload('debug');
  withDefault(registry, () => t.true(log.enabled('debug')));
});

test('a layer that is there again sees its own spans of before, and none of the layer between', (t) => {
  const [first, second] = [new Keeper({ name: 'first' }), new Keeper({ name: 'second' })];
  const [layer, handle] = reload(first);
  withDefault(new Registry().with(layer), () =>
    log.inSpan('a', () => {
      handle.reload(second);
      log.inSpan('b', () => {
        handle.reload(first);
        log.inSpan('c', () => log.info('text'));
      });
    }),
  );
  t.deepEqual(first.kept, ['first a > first c']);
  t.deepEqual(
    first.heard.filter((line) => line.startsWith('first: new')),
    ['first: new a', 'first: new c in a'],
  );
  t.false(first.heard.some((line) => line.endsWith(' b')));
});

test('a new layer hears nothing of spans that were made before it, and has no state of them', (t) => {
  const calls: string[] = [];
  const states: unknown[] = [];
  const next: Layer = {
    onRecord: ({ name }) => calls.push(`record ${name}`),
    onFollowsFrom: ({ name }) => calls.push(`follows ${name}`),
    onEnter: ({ name }) => calls.push(`enter ${name}`),
    onExit: ({ name }) => calls.push(`exit ${name}`),
    onClose: ({ name }) => calls.push(`close ${name}`),
    onEvent: ({ parent }, view) => states.push(parent && view.get(parent)),
    run: ({ name }, fn) => (calls.push(`run ${name}`), fn()),
  };
  const [layer, handle] = reload(new Keeper({ name: 'first' }));
  withDefault(new Registry().with(layer), () => {
    const other = log.span('other');
    const old = log.span('old');
    handle.reload(next);
    old.inScope(() => log.info('text'));
    old.record({ a: 1 });
    old.followsFrom(other);
    old.close();
    t.deepEqual(calls, []);
    t.deepEqual(states, [undefined]);
    log.inSpan('new', (span) => span.record({ a: 1 }));
  });
  t.deepEqual(calls, ['enter new', 'run new', 'record new', 'exit new', 'close new']);
});

test('a new layer hears of events in spans whose events the old one did not need', (t) => {
  const heard: (string | undefined)[] = [];
  const first: Layer = { onNewSpan: (span, view) => view.ignoreEvents(span), onEvent() {} };
  const [layer, handle] = reload(first);
  withDefault(new Registry().with(layer), () =>
    log.inSpan('old', () => {
      handle.reload({ onEvent: ({ message }) => heard.push(message) });
      log.info('text');
    }),
  );
  t.deepEqual(heard, ['text']);
});

test('a layer that is in two registries keeps their spans apart', (t) => {
  const keeper = new Keeper({ name: 'keeper' });
  const [layer] = reload(keeper);
  // In the second registry the layer has another place.
  const registries = [new Registry().with(layer), new Registry().with(new Recorder()).with(layer)];
  for (const [i, registry] of registries.entries())
    withDefault(registry, () => log.inSpan(`span ${i}`, () => log.info('text')));
  t.deepEqual(keeper.kept, ['keeper span 0', 'keeper span 1']);
});

test('all that a registry asks of a layer is asked of the current one', async (t) => {
  class Plain {
    onEvent(): void {}
  }
  const timed: Layer & { busy: number } = {
    name: 'timed',
    busy: -1,
    timed: true,
    onClose(span) {
      this.busy = span.busy;
    },
    childEnv: (env) => void (env['TRACE'] = 'set'),
    flush: async () => ({ complete: false, dropped: 7, problems: [] }),
    shutdown: async () => ({ complete: false, dropped: 8, problems: [] }),
    stats: () => 'numbers',
  };
  const [layer, handle] = reload(new Plain());
  t.is(layer.name, 'Plain');
  t.is(reload({ name: 'own', onEvent() {} })[0].name, 'own');
  t.is(reload(Object.assign(Object.create(null) as object, { onEvent() {} }))[0].name, 'a layer');
  const done = { complete: true, dropped: 0, problems: [] };
  t.deepEqual(await layer.flush?.(), done);
  t.deepEqual(await layer.shutdown?.(), done);
  const registry = new Registry().with(layer);
  handle.reload(timed);
  withDefault(registry, () => log.inSpan('work', () => sleepSync(2)));
  t.true(timed.busy >= 1, `${timed.busy} ms`);
  const env: NodeJS.ProcessEnv = {};
  layer.childEnv?.(env);
  t.deepEqual(env, { TRACE: 'set' });
  t.is(layer.stats?.(), 'numbers');
  t.is((await layer.flush?.())?.dropped, 7);
  t.is((await layer.shutdown?.())?.dropped, 8);
});

test('the filter of a new layer decides from then on, and that of the old one no more', (t) => {
  const [first, second] = [new Recorder({ filter: 'off' }), new Recorder({ filter: 'info' })];
  const [layer, handle] = reload(first);
  withDefault(new Registry().with(layer), () => {
    log.info('hidden');
    handle.reload(second);
    first.withFilter('trace');
    log.info('heard');
    log.debug('too verbose');
    second.withFilter('debug');
    log.debug('heard as well');
    handle.reload(first);
    log.trace('by the first');
  });
  t.deepEqual(second.only('event'), ['event heard', 'event heard as well']);
  t.deepEqual(first.only('event'), ['event by the first']);
  t.deepEqual(first.only('shutdown'), []);
});

test('a filter that is reloaded by the one it has changes no decision, and is no other for it', (t) => {
  const [inner, innerHandle] = reload('info');
  const [outer, handle] = reload(inner);
  const registry = new Registry().with(outer).with(new Recorder());
  handle.reload(inner);
  withDefault(registry, () => t.false(log.enabled('debug')));
  innerHandle.reload('debug');
  withDefault(registry, () => t.true(log.enabled('debug')));
  handle.reload('off');
  innerHandle.reload('trace');
  withDefault(registry, () => t.false(log.enabled('error')));
});

test('a filter that is reloaded asks for fields as its current one does', (t) => {
  const [filter, handle] = reload('off');
  const recorder = new Recorder({ filter });
  withDefault(new Registry().with(recorder), () => {
    let asked = 0;
    const ask = (): void => log.info(() => ((asked += 1), { user: 'alice' }), 'text');
    handle.reload('[{user}]=info');
    ask();
    t.is(asked, 1);
    t.is(recorder.events.length, 1, 'only by its fields it is seen to pass');
    handle.reload('agent=error');
    ask();
    t.is(asked, 1, 'not asked: nobody hears of it');
    handle.reload(({ fieldNames }) => fieldNames.includes('user'));
    log.info({ user: 'alice' }, 'given');
    ask();
    t.is(recorder.events.length, 2, 'a function is told the names that are given');
  });
});

test('a class is neither a filter nor a layer', (t) => {
  for (const wrong of [Recorder, EnvFilter, 7, 'agent=loud'] as never[])
    t.throws(() => reload(wrong), { instanceOf: OptionError });
  const [, handle] = reload(new Recorder());
  t.throws(() => handle.reload(Recorder as never), { instanceOf: OptionError });
});
