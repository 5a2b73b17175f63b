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
