import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { context, propagation, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { AsyncContextManager, ensureContextManager } from '../src/opentelemetry/layer/context-manager.ts';
import { inject, withRemoteContext } from '../src/opentelemetry/index.ts';
import { log, setUp } from './helpers/exported-spans.ts';

const OPEN = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };

test('a span nests in its parent, across await, and in an explicit one', async (t) => {
  const { run, named } = setUp();
  await run(() =>
    log.inSpan('outer', async (outer) => {
      await sleep(1);
      log.inSpan('inner', () => {});
      await log.inSpan('sibling', async () => {
        log.inSpan('explicit', { parent: outer }, () => {});
      });
    }),
  );
  const { spanId, traceId } = named('outer').spanContext();
  for (const name of ['inner', 'sibling', 'explicit']) {
    t.is(named(name).parentSpanContext?.spanId, spanId, name);
    t.is(named(name).spanContext().traceId, traceId, name);
  }
  t.is(named('outer').parentSpanContext, undefined);
});

test('a span that the layer does not see is passed over', (t) => {
  const { run, registry, named, spans } = setUp();
  registry.with({});
  run(() =>
    log.inSpan('outer', () =>
      log.inSpan('hidden', { level: 'debug' }, () => log.inSpan('inner', () => log.info('hi'))),
    ),
  );
  t.is(spans().length, 2);
  t.is(named('inner').parentSpanContext?.spanId, named('outer').spanContext().spanId);
});

test('parent: null inside of a span makes a trace of its own', (t) => {
  const { run, named } = setUp();
  run(() => log.inSpan('outer', () => log.inSpan('root', { parent: null }, () => {})));
  t.is(named('root').parentSpanContext, undefined);
  t.not(named('root').spanContext().traceId, named('outer').spanContext().traceId);
});

test("a span without a parent nests in OpenTelemetry's active span", (t) => {
  const { run, named } = setUp();
  context.with(trace.setSpanContext(ROOT_CONTEXT, OPEN), () => run(() => log.inSpan('child', () => {})));
  t.is(named('child').parentSpanContext?.spanId, OPEN.spanId);
  t.is(named('child').spanContext().traceId, OPEN.traceId);
});

test('code inside of a span runs in its context, across await and in bound callbacks', async (t) => {
  const { run, named } = setUp();
  const seen: (SpanContext | undefined)[] = [];
  const look = () => seen.push(trace.getActiveSpan()?.spanContext());
  const bound = await run(() =>
    log.inSpan('work', async (span) => {
      look();
      await sleep(1);
      look();
      return span.bind(look);
    }),
  );
  bound();
  t.is(trace.getActiveSpan(), undefined);
  t.deepEqual(
    seen.map((ids) => ids?.spanId),
    Array(3).fill(named('work').spanContext().spanId),
  );
});

test('baggage set inside of a span reaches its children', (t) => {
  const { run } = setUp();
  const withBaggage = () =>
    propagation.setBaggage(context.active(), propagation.createBaggage({ vm: { value: '7' } }));
  const seen = run(() =>
    log.inSpan('outer', () =>
      context.with(withBaggage(), () =>
        log.inSpan('inner', () => propagation.getActiveBaggage()?.getEntry('vm')?.value),
      ),
    ),
  );
  t.is(seen, '7');
});

test('an explicit parent counts, not the context that is active where the span is made', (t) => {
  const { run, named } = setUp();
  const withVm = (id: string) =>
    propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ vm: { value: id } }));
  const parent = context.with(withVm('1'), () => run(() => log.span('parent')));
  const elsewhere = trace.setSpanContext(withVm('2'), { ...OPEN, isRemote: true });
  const seen = run(() =>
    log.inSpan('other', () =>
      context.with(elsewhere, () =>
        log.inSpan('child', { parent }, () => propagation.getActiveBaggage()?.getEntry('vm')?.value),
      ),
    ),
  );
  t.is(named('child').parentSpanContext?.spanId, parent.spanId);
  t.is(seen, '1');
});

test('a span that is not sampled still passes its context on', (t) => {
  const { run, spans, layer } = setUp({ sampler: new AlwaysOffSampler() });
  const error = new Error('boom');
  const seen = run(() =>
    log.inSpan('outer', (outer) =>
      log.inSpan('inner', (inner) => {
        inner.record({ a: 1, error });
        log.error(error);
        return { outer, inner, active: trace.getActiveSpan()?.spanContext() };
      }),
    ),
  );
  t.is(seen.inner.traceId, seen.outer.traceId);
  t.is(seen.active?.spanId, seen.inner.spanId);
  t.is(seen.active?.traceFlags, 0);
  t.deepEqual(spans(), []);
  t.deepEqual(layer.stats(), { spans: 0, events: 0, dropped: 0, outside: 0 });
});

test('the context manager binds functions and listeners to a context', (t) => {
  const manager = new AsyncContextManager().enable();
  const bound = ROOT_CONTEXT.setValue(Symbol.for('test'), 1);
  t.is(manager.active(), ROOT_CONTEXT);
  t.is(manager.bind(bound, () => manager.active())(), bound);
  t.is(
    manager.with(
      bound,
      function (this: string, suffix: string) {
        return this + suffix;
      },
      'a',
      'b',
    ),
    'ab',
  );
  t.is(manager.bind(bound, 5), 5);
  const emitter = manager.bind(bound, new EventEmitter());
  const seen: unknown[] = [];
  const listener = () => seen.push(manager.active() === bound);
  for (const add of ['on', 'addListener', 'prependListener'] as const) {
    emitter[add]('x', listener);
    emitter.emit('x');
    emitter.removeListener('x', listener);
    emitter.emit('x');
  }
  for (const add of ['once', 'prependOnceListener'] as const) {
    emitter[add]('x', listener);
    t.deepEqual(emitter.listeners('x'), [listener]);
    emitter.off('x', listener);
    emitter.emit('x');
    emitter[add]('x', listener);
    emitter.emit('x');
    emitter.emit('x');
  }
  t.deepEqual(seen, Array(5).fill(true));
  t.is(emitter.listenerCount('x'), 0);
});

test.serial('a context manager is registered where there is none, and only there', (t) => {
  context.disable();
  const marked = ROOT_CONTEXT.setValue(Symbol.for('test'), 1);
  t.not(
    context.with(marked, () => context.active()),
    marked,
  );
  t.is(typeof ensureContextManager(), 'function');
  t.is(
    context.with(marked, () => context.active()),
    marked,
  );
  context.disable();
  const theirs = new AsyncContextManager();
  context.setGlobalContextManager(theirs);
  const release = ensureContextManager();
  theirs.with(marked, () => t.is(context.active(), marked));
  release?.();
  theirs.with(marked, () => t.is(context.active(), marked, 'what the program registered stays'));
});

test.serial('a context manager is taken back when the last of those who need it releases it', (t) => {
  context.disable();
  const marked = ROOT_CONTEXT.setValue(Symbol.for('test'), 1);
  const isKept = () => context.with(marked, () => context.active()) === marked;
  const [one, other] = [ensureContextManager(), ensureContextManager()];
  one?.();
  one?.();
  t.true(isKept());
  other?.();
  t.false(isKept());
  t.true(context.setGlobalContextManager(new AsyncContextManager()), 'the place is free');
});

test.serial('inject writes the current span, withRemoteContext makes it a parent', (t) => {
  t.deepEqual(inject(), {}, 'nothing without a propagator');
  propagation.setGlobalPropagator({
    inject: (of, carrier, setter) => setter.set(carrier, 'id', trace.getSpanContext(of)?.spanId ?? ''),
    extract: (of, carrier, getter) =>
      trace.setSpanContext(of, { ...OPEN, spanId: String(getter.get(carrier, 'id')), isRemote: true }),
    fields: () => ['id'],
  });
  t.teardown(() => propagation.disable());
  const { run, named } = setUp();
  const carrier = run(() => log.inSpan('client', () => inject({ other: 'kept' })));
  t.deepEqual(carrier, { other: 'kept', id: named('client').spanContext().spanId } as never);
  run(() => {
    withRemoteContext(carrier, () => log.inSpan('server', () => log.inSpan('deeper', () => {})));
    log.inSpan('busy', () => withRemoteContext(carrier, () => log.inSpan('request', () => {})));
  });
  t.is(named('server').parentSpanContext?.spanId, named('client').spanContext().spanId);
  t.is(named('request').parentSpanContext?.spanId, named('client').spanContext().spanId);
  t.is(named('deeper').parentSpanContext?.spanId, named('server').spanContext().spanId);
});

test('fields of events in a span that is not sampled are read only for other layers', (t) => {
  const { run, registry, layer } = setUp({ sampler: new AlwaysOffSampler() });
  let reads = 0;
  const fields = () => ({ count: ++reads });
  run(() => log.inSpan('alone', () => log.info(fields, 'unread')));
  t.is(reads, 0);
  const heard: unknown[] = [];
  registry.with({ onEvent: ({ fields }) => heard.push(fields.get('count')) });
  run(() => log.inSpan('with another', () => log.info(fields, 'read')));
  t.deepEqual(heard, [1]);
  t.is(reads, 1);
  t.deepEqual(layer.stats(), { spans: 0, events: 0, dropped: 0, outside: 0 });
});

test('an event of a closed span that was not sampled is added to the open span around it', (t) => {
  const sampler = {
    shouldSample: (_: unknown, __: string, name: string) => ({ decision: name === 'outer' ? 2 : 0 }),
  };
  const { run, named } = setUp({ sampler });
  run(() =>
    log.inSpan('outer', () => {
      const inner = log.span('inner');
      inner.info('in time');
      inner.close();
      inner.info('late');
    }),
  );
  t.deepEqual(
    named('outer').events.map(({ name }) => name),
    ['late'],
  );
});
