import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { LayerError, MissingPeerError, OptionError } from '../src/errors.ts';
import { AsyncContextManager, ensureContextManager } from '../src/opentelemetry/context-manager.ts';
import { otlpExporter, PEERS, type Peers } from '../src/opentelemetry/exporters.ts';
import {
  inject,
  OpenTelemetryLayer,
  type OpenTelemetryLayerOptions,
  withRemoteContext,
} from '../src/opentelemetry/index.ts';
import { hrTimeNow } from '../src/opentelemetry/time.ts';
import { createProvider } from '../src/opentelemetry/provider.ts';
import { withDefault } from '../src/tracing/dispatch.ts';
import { Registry } from '../src/tracing/registry.ts';
import { target } from '../src/tracing/target.ts';

const log = target('agent::user');
const OPEN = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };

function setUp(options: OpenTelemetryLayerOptions & { sampler?: Sampler } = {}) {
  const exporter = new InMemorySpanExporter();
  const { sampler, ...rest } = options;
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  const provider = new BasicTracerProvider(
    sampler === undefined ? { spanProcessors } : { spanProcessors, sampler },
  );
  const problems: Error[] = [];
  const layer = new OpenTelemetryLayer({ provider, onProblem: (problem) => problems.push(problem), ...rest });
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) }).with(layer);
  return {
    layer,
    registry,
    problems,
    run: <R>(fn: () => R): R => withDefault(registry, fn),
    spans: () => exporter.getFinishedSpans(),
    named: (name: string): ReadableSpan => {
      const found = exporter.getFinishedSpans().find((span) => span.name === name);
      if (found === undefined) throw new Error(`no span ${name}`);
      return found;
    },
  };
}

const millisOf = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6;

test('a span becomes an OpenTelemetry span with its fields, level and target', (t) => {
  const { run, named } = setUp();
  run(() =>
    log.inSpan('provision', { level: 'warn', fields: { user: 'alice', count: 3, admin: false } }, () => {}),
  );
  const span = named('provision');
  t.deepEqual(
    { ...span.attributes },
    { level: 'WARN', target: 'agent::user', user: 'alice', count: 3, admin: false },
  );
  t.is(span.instrumentationScope.name, 'kvp-tracing');
  t.is(span.kind, SpanKind.INTERNAL);
  t.is(span.status.code, SpanStatusCode.UNSET);
});

test('start and end are wall-clock times in whole seconds and nanoseconds', async (t) => {
  const { run, named } = setUp();
  const before = Date.now();
  await run(() => log.inSpan('slow', () => sleep(20)));
  const { startTime, endTime, duration } = named('slow');
  for (const [seconds, nanos] of [startTime, endTime]) {
    t.true(Number.isInteger(seconds) && Number.isInteger(nanos));
    t.true(nanos >= 0 && nanos < 1e9);
  }
  t.true(Math.abs(millisOf(startTime) - before) < 1500);
  t.true(millisOf(duration) >= 19 && millisOf(duration) < 5000);
});

test.serial('a wall clock that was set moves later spans and no duration', (t) => {
  const { run, named } = setUp();
  const real = Date.now;
  const hour = 3_600_000;
  try {
    run(() => {
      const across = log.span('across');
      Date.now = () => real() + hour;
      log.inSpan('after', () => {});
      across.close();
    });
  } finally {
    Date.now = real;
  }
  t.true(millisOf(named('across').duration) < 5000);
  t.true(Math.abs(millisOf(named('after').startTime) - real() - hour) < 2000);
});

test('seconds are carried whatever the fraction of a second is', (t) => {
  let last = -1;
  for (let step = 0; step < 2000; step++) {
    const [seconds, nanos] = hrTimeNow(step);
    t.true(Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9);
    const now = seconds * 1000 + nanos / 1e6;
    t.true(now > last);
    last = now;
  }
});

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

test('the ids are told to the span while it is open', (t) => {
  const { run, named } = setUp();
  const ids = run(() => log.inSpan('work', (span) => [span.traceId, span.spanId]));
  const { traceId, spanId } = named('work').spanContext();
  t.deepEqual(ids, [traceId, spanId]);
});

test('otel.name and otel.kind are obeyed and are no attributes', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('a', { fields: { 'otel.name': 'GET /', 'otel.kind': 'Client' } }, () => {});
    log.inSpan('b', { fields: { 'otel.kind': '2' } }, (span) => span.record({ 'otel.name': 'later' }));
    for (const kind of ['SERVER', 'producer', 'consumer', 'internal']) {
      log.inSpan(kind, { fields: { 'otel.kind': kind } }, () => {});
    }
  });
  t.is(named('GET /').kind, SpanKind.CLIENT);
  t.deepEqual(Object.keys(named('GET /').attributes), ['level', 'target']);
  t.is(named('later').kind, SpanKind.INTERNAL);
  t.deepEqual(Object.keys(named('later').attributes), ['level', 'target']);
  t.is(named('SERVER').kind, SpanKind.SERVER);
  t.is(named('producer').kind, SpanKind.PRODUCER);
  t.is(named('consumer').kind, SpanKind.CONSUMER);
  t.is(named('internal').kind, SpanKind.INTERNAL);
});

test('otel.status_code and otel.status_description are obeyed, at once or recorded later', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('ok', { fields: { 'otel.status_code': 'ok' } }, () => log.error('not that bad'));
    log.inSpan('error', { fields: { 'otel.status_code': 'Error' } }, (span) =>
      span.record({ 'otel.status_description': 'disk full' }),
    );
    log.inSpan('late', (span) => span.record({ 'otel.status_code': 'ERROR' }));
    log.inSpan('described', { fields: { 'otel.status_description': 'gone' } }, () => {});
    log.inSpan('unknown', { fields: { 'otel.status_code': 'maybe' } }, () => {});
  });
  t.deepEqual(named('ok').status, { code: SpanStatusCode.OK });
  t.deepEqual(named('error').status, { code: SpanStatusCode.ERROR, message: 'disk full' });
  t.deepEqual(named('late').status, { code: SpanStatusCode.ERROR });
  t.deepEqual(named('described').status, { code: SpanStatusCode.ERROR, message: 'gone' });
  t.deepEqual(named('unknown').status, { code: SpanStatusCode.UNSET });
  for (const name of ['ok', 'error', 'late'])
    t.deepEqual(Object.keys(named(name).attributes), ['level', 'target']);
});

test('values that OpenTelemetry does not take become text, undefined is left out', (t) => {
  const { run, named, problems } = setUp();
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  run(() =>
    log.inSpan(
      'values',
      {
        fields: {
          big: 2n ** 64n,
          date: new Date(0),
          bad: new Date(NaN),
          error: new Error('boom'),
          object: { a: { b: 1 } },
          map: new Map([[1, 2]]),
          nothing: null,
          missing: undefined,
          nan: NaN,
          texts: ['a', 'b'],
          numbers: [1, 2.5],
          bigs: [1n, 2n],
          empty: [],
          mixed: ['a', 1],
          holes: Object.assign([], { 0: 1, 2: 3 }),
          revoked: revoked.proxy,
          lone: 'a\ud800',
        },
      },
      () => {},
    ),
  );
  const { level, target: of, ...attributes } = named('values').attributes;
  t.deepEqual([level, of], ['INFO', 'agent::user']);
  t.deepEqual(
    { ...attributes, revoked: typeof attributes['revoked'] },
    {
      big: '18446744073709551616',
      date: '1970-01-01T00:00:00.000Z',
      bad: 'Invalid Date',
      error: 'boom',
      object: '{ a: { b: 1 } }',
      map: 'Map(1) { 1 => 2 }',
      nothing: 'null',
      nan: NaN,
      texts: ['a', 'b'],
      numbers: [1, 2.5],
      bigs: ['1', '2'],
      empty: [],
      mixed: "[ 'a', 1 ]",
      holes: '[ 1, <1 empty item>, 3 ]',
      revoked: 'string',
      lone: 'a\ufffd',
    },
  );
  t.deepEqual(problems, []);
});

test('recording changes and adds attributes', (t) => {
  const { run, named } = setUp();
  run(() => log.inSpan('work', { fields: { a: 1 } }, (span) => span.record({ a: 2, b: [true] })));
  const { a, b } = named('work').attributes;
  t.deepEqual([a, b], [2, [true]]);
});

test('samplers see the attributes', (t) => {
  const seen: unknown[] = [];
  const sampler: Sampler = {
    shouldSample: (...args) => {
      seen.push(args[4]['user']);
      return { decision: 2 };
    },
    toString: () => 'test',
  };
  const { run } = setUp({ sampler });
  run(() => log.inSpan('work', { fields: { user: 'alice' } }, () => {}));
  t.deepEqual(seen, ['alice']);
});

test('an event becomes a span event with its message, level, target, fields and time', (t) => {
  const { run, named } = setUp();
  run(() =>
    log.inSpan('work', () => {
      target('agent::keys').warn({ count: 3 }, 'few keys');
      log.info({ count: 4 });
    }),
  );
  const span = named('work');
  const [first, second] = span.events;
  t.is(first?.name, 'few keys');
  t.deepEqual({ ...first?.attributes }, { level: 'WARN', target: 'agent::keys', count: 3 });
  t.is(second?.name, 'agent::user');
  const time = millisOf(first?.time ?? [0, 0]);
  t.true(time >= millisOf(span.startTime) && time <= millisOf(span.endTime));
});

test('an ERROR event sets the status, one in a hidden span that of the visible ancestor', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('outer', () => {
      log.inSpan('warned', () => log.warn('so so'));
      log.inSpan('failed', () => log.error('it broke'));
    });
    log.inSpan('visible', () => log.inSpan('hidden', { level: 'debug' }, () => log.error('below')));
  });
  t.deepEqual(named('failed').status, { code: SpanStatusCode.ERROR, message: 'it broke' });
  t.is(named('warned').status.code, SpanStatusCode.UNSET);
  t.is(named('outer').status.code, SpanStatusCode.UNSET);
  t.deepEqual(named('visible').status, { code: SpanStatusCode.ERROR, message: 'below' });
});

test('an Error in a field is recorded as an exception with its chain of causes', (t) => {
  const { run, named } = setUp();
  const inner = new RangeError('no space');
  const cause = new Error('write failed', { cause: inner });
  const error = new TypeError('provisioning failed', { cause });
  run(() => log.inSpan('work', () => log.warn({ error, user: 'alice' }, 'retrying')));
  const { events, status } = named('work');
  t.deepEqual(
    events.map(({ name }) => name),
    ['retrying', 'exception'],
  );
  t.is(events[0]?.attributes?.['error'], 'provisioning failed');
  const exception = events[1]?.attributes ?? {};
  t.is(exception['exception.type'], 'TypeError');
  t.is(exception['exception.message'], 'provisioning failed');
  const stack = String(exception['exception.stacktrace']);
  t.true(stack.startsWith('TypeError: provisioning failed\n    at '));
  t.regex(stack, /\n {2}\[cause\]: Error: write failed\n {6}at /);
  t.regex(stack, /\n {4}\[cause\]: RangeError: no space\n {8}at /);
  t.is(status.code, SpanStatusCode.UNSET);
});

test('an Error in a field of the span is recorded too, once', (t) => {
  const { run, named } = setUp();
  const [first, second, third] = [new Error('first'), new Error('second'), new Error('third')];
  run(() =>
    log.inSpan('work', { fields: { first } }, (span) => {
      span.record({ first, second });
      log.warn(second);
      span.record({ third });
    }),
  );
  const recorded = named('work').events.filter(({ name }) => name === 'exception');
  t.deepEqual(
    recorded.map(({ attributes }) => attributes?.['exception.message']),
    ['first', 'second', 'third'],
  );
});

test('a chain of causes that bites its tail ends', (t) => {
  const { run, named } = setUp();
  const error = new Error('loop');
  error.cause = error;
  const many = new AggregateError([new Error('one'), new Error('two')], 'all failed');
  run(() => log.inSpan('work', () => (log.info({ error }, 'a'), log.info({ many }, 'b'))));
  const stacks = named('work').events.map(({ attributes }) => String(attributes?.['exception.stacktrace']));
  t.regex(stacks[1] ?? '', /\[cause\]: \[Circular\]$/);
  t.regex(stacks[3] ?? '', /\[error\]: Error: one[^]*\[error\]: Error: two/);
});

test('an Error whose properties throw harms nothing', (t) => {
  const { run, named, problems } = setUp();
  const hostile = new Error('x');
  for (const name of ['stack', 'cause', 'code', 'name', 'message']) {
    Object.defineProperty(hostile, name, {
      get: () => {
        throw new Error('gotcha');
      },
    });
  }
  const thrown = t.throws(
    () =>
      run(() =>
        log.inSpan('work', () => {
          throw hostile;
        }),
      ),
    { any: true },
  );
  t.is(thrown, hostile);
  t.is(named('work').status.code, SpanStatusCode.ERROR);
  t.is(named('work').events.length, 1);
  t.deepEqual(problems, []);
});

test('a throw sets the status and records the exception', (t) => {
  const { run, named } = setUp();
  const error = new Error('boom');
  t.throws(
    () =>
      run(() =>
        log.inSpan('sync', () => {
          throw error;
        }),
      ),
    { is: error },
  );
  t.deepEqual(named('sync').status, { code: SpanStatusCode.ERROR, message: 'boom' });
  t.deepEqual(
    named('sync').events.map(({ name, attributes }) => [name, attributes?.['exception.message']]),
    [['exception', 'boom']],
  );
});

test('a rejection is recorded once, in each span it passes, with and without err', async (t) => {
  const { run, named } = setUp();
  const error = new Error('boom');
  const inner = log.instrument({ name: 'inner', err: true }, () => Promise.reject(error));
  await t.throwsAsync(
    run(() => log.inSpan('outer', async () => inner())),
    { is: error },
  );
  const exceptions = (name: string) =>
    named(name).events.filter((event) => event.name === 'exception').length;
  t.is(exceptions('inner'), 1);
  t.is(exceptions('outer'), 1);
  t.is(named('inner').events[0]?.name, 'boom');
  t.deepEqual(named('inner').status, { code: SpanStatusCode.ERROR, message: 'boom' });
});

test('what is thrown without being an Error is recorded as text', (t) => {
  const { run, named } = setUp();
  t.throws(
    () =>
      run(() =>
        log.inSpan('work', () => {
          throw 'just text';
        }),
      ),
    { any: true },
  );
  t.deepEqual(named('work').status, { code: SpanStatusCode.ERROR, message: 'just text' });
  t.is(named('work').events[0]?.attributes?.['exception.message'], 'just text');
});

test('fail() sets the status with its reason, succeed() keeps it unset in spite of errors', (t) => {
  const { run, named } = setUp();
  run(() => {
    log.inSpan('failed', (span) => span.fail('no network'));
    log.inSpan('unexplained', (span) => {
      log.error('first');
      span.fail();
    });
    log.inSpan('fine', (span) => {
      log.error('recovered');
      span.succeed();
    });
  });
  t.deepEqual(named('failed').status, { code: SpanStatusCode.ERROR, message: 'no network' });
  t.deepEqual(named('unexplained').status, { code: SpanStatusCode.ERROR, message: 'first' });
  t.is(named('fine').status.code, SpanStatusCode.UNSET);
});

test('followsFrom becomes a link, also to a closed span, never to one of another registry', (t) => {
  const { run, named, problems } = setUp();
  const other = setUp();
  const foreign = other.run(() => log.span('foreign'));
  run(() => {
    const cause = log.span('cause');
    cause.close();
    log.inSpan('effect', { followsFrom: [cause, foreign] }, () => {});
  });
  t.deepEqual(
    named('effect').links.map((link) => link.context),
    [named('cause').spanContext()],
  );
  t.deepEqual(problems, []);
});

test('an event whose span is closed goes to the nearest open ancestor, else it is counted', (t) => {
  const { run, named, layer } = setUp();
  run(() => {
    const outer = log.span('outer');
    const inner = log.span('inner', { parent: outer });
    inner.close();
    inner.error('late');
    outer.close();
    inner.info('too late');
  });
  t.deepEqual(named('inner').events, []);
  t.deepEqual(
    named('outer').events.map(({ name }) => name),
    ['late'],
  );
  t.is(named('outer').status.code, SpanStatusCode.UNSET);
  t.deepEqual(layer.stats(), { spans: 2, events: 1, dropped: 1, outside: 0 });
});

test('an event outside of any span is counted as such', (t) => {
  const { run, layer, spans } = setUp();
  run(() => log.info('nowhere'));
  t.deepEqual(spans(), []);
  t.deepEqual(layer.stats(), { spans: 0, events: 0, dropped: 0, outside: 1 });
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

test('the filter decides, by default info', (t) => {
  const { run, spans, named } = setUp();
  run(() => {
    log.inSpan('debug', { level: 'debug' }, () => {});
    log.inSpan('info', () => log.debug('not exported'));
  });
  t.is(spans().length, 1);
  t.deepEqual(named('info').events, []);
  t.throws(() => new OpenTelemetryLayer({ filter: 'loud' as never }), { instanceOf: OptionError });
});

test('a given tracer is used', (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const { run, spans } = setUp({ tracer: provider.getTracer('mine') });
  run(() => log.inSpan('work', () => {}));
  t.deepEqual(spans(), []);
  t.is(exporter.getFinishedSpans()[0]?.instrumentationScope.name, 'mine');
});

test.serial('without a provider the global one is used, even if it comes later', async (t) => {
  const exporter = new InMemorySpanExporter();
  const layer = new OpenTelemetryLayer();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  t.true(trace.setGlobalTracerProvider(provider));
  t.teardown(() => trace.disable());
  withDefault(new Registry().with(layer), () => log.inSpan('work', () => {}));
  t.is(exporter.getFinishedSpans().length, 1);
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  withDefault(new Registry().with(new OpenTelemetryLayer()), () => log.inSpan('again', () => {}));
  t.is(exporter.getFinishedSpans().length, 2, 'the global provider is not ours to shut down');
});

test('flush and shutdown reach the given provider, shutdown once', async (t) => {
  const calls: string[] = [];
  const provider = {
    getTracer: () => trace.getTracer('noop'),
    forceFlush: async (options?: { timeoutMillis?: number }) =>
      void calls.push(`flush ${options?.timeoutMillis}`),
    shutdown: async () => void calls.push('shutdown'),
  };
  const { layer } = setUp({ provider });
  t.deepEqual(await layer.flush({ timeout: 70 }), { complete: true, dropped: 0, problems: [] });
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  await layer.shutdown();
  t.deepEqual(calls, ['flush 70', 'shutdown']);
});

test('a provider that hangs costs the deadline, one that fails is a problem, neither rejects', async (t) => {
  const getTracer = () => trace.getTracer('noop');
  const hanging = setUp({ provider: { getTracer, forceFlush: () => new Promise(() => {}) } });
  const began = performance.now();
  const late = await hanging.layer.flush({ timeout: 50 });
  t.true(performance.now() - began >= 45);
  t.false(late.complete);
  t.true(late.problems[0] instanceof LayerError);
  t.regex(late.problems[0]?.message ?? '', /did not export within 50 ms/);
  const failures = [
    () => Promise.reject([new Error('refused')]),
    () => {
      throw new Error('refused');
    },
  ];
  for (const shutdown of failures) {
    const { layer, problems } = setUp({ provider: { getTracer, shutdown } });
    const outcome = await layer.shutdown();
    t.false(outcome.complete);
    t.is(outcome.problems[0]?.message, 'OpenTelemetry could not shut down: refused');
    t.deepEqual(problems, outcome.problems);
  }
});

test.serial('a flush that is done leaves no timer behind', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const { layer } = setUp({
    provider: { getTracer: () => trace.getTracer('noop'), forceFlush: async () => {} },
  });
  const before = timers();
  await layer.flush({ timeout: 100_000 });
  t.true(timers() <= before);
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
  t.true(ensureContextManager());
  t.is(
    context.with(marked, () => context.active()),
    marked,
  );
  context.disable();
  const theirs = new AsyncContextManager();
  context.setGlobalContextManager(theirs);
  t.true(ensureContextManager());
  theirs.with(marked, () => t.is(context.active(), marked));
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

test.serial('the own provider is global until its shutdown, then another may be', async (t) => {
  for (const round of [1, 2]) {
    const exporter = new InMemorySpanExporter();
    const provider = await createProvider({ exporter, service: 'agent', version: '1.2' }, {});
    t.true(provider?.isGlobal, `round ${round}`);
    const layer = new OpenTelemetryLayer(provider === undefined ? {} : { provider });
    withDefault(new Registry().with(layer), () => log.inSpan('work', () => {}));
    trace.getTracer('other instrumentation').startSpan('theirs').end();
    t.true((await layer.flush()).complete);
    const spans = exporter.getFinishedSpans();
    t.deepEqual(
      spans.map(({ name }) => name),
      ['work', 'theirs'],
    );
    t.like(spans[0]?.resource.attributes, {
      'service.name': 'agent',
      'service.version': '1.2',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
    });
    t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
    t.false(trace.getTracer('x').startSpan('after').isRecording());
  }
});

test.serial("the own provider leaves a program's global one alone", async (t) => {
  const theirs = new BasicTracerProvider();
  trace.setGlobalTracerProvider(theirs);
  t.teardown(() => trace.disable());
  const provider = await createProvider({ exporter: new InMemorySpanExporter() }, {});
  t.false(provider?.isGlobal);
  await provider?.shutdown();
  t.true(trace.getTracer('x').startSpan('still theirs').isRecording());
});

test.serial('the environment wins over service and version', async (t) => {
  const resourceWith = async (env: NodeJS.ProcessEnv) => {
    const exporter = new InMemorySpanExporter();
    const provider = await createProvider({ exporter, service: 'given', version: '1' }, env);
    provider?.getTracer('x').startSpan('s').end();
    await provider?.forceFlush();
    const attributes = exporter.getFinishedSpans()[0]?.resource.attributes ?? {};
    await provider?.shutdown();
    return attributes;
  };
  const listed = 'service.name=listed,service.version=2,region=a%2Cb';
  t.like(await resourceWith({ OTEL_RESOURCE_ATTRIBUTES: listed, OTEL_SERVICE_NAME: 'named' }), {
    'service.name': 'named',
    'service.version': '2',
    region: 'a,b',
  });
  t.like(await resourceWith({ OTEL_RESOURCE_ATTRIBUTES: listed }), { 'service.name': 'listed' });
  t.like(await resourceWith({ OTEL_RESOURCE_ATTRIBUTES: 'region=a,broken' }), {
    'service.name': 'given',
    region: undefined,
  });
});

test.serial('spans that could not be exported are counted and told', async (t) => {
  const failing = {
    export: (_: unknown, done: (result: { code: number; error?: Error }) => void) =>
      done({ code: 1, error: new Error('refused') }),
    shutdown: async () => {},
  };
  const provider = await createProvider({ exporter: failing }, {});
  const { run, layer, problems } = setUp(provider === undefined ? {} : { provider });
  run(() => log.inSpan('one', () => log.inSpan('two', () => {})));
  const outcome = await layer.flush();
  t.false(outcome.complete);
  t.is(outcome.dropped, 2);
  t.deepEqual(
    problems.map(({ message }) => message),
    ['OpenTelemetry could not export: refused', 'OpenTelemetry misses 2 spans and events'],
  );
  t.is((await layer.shutdown()).dropped, 2);
});

test.serial('a shutdown that is late says how many spans are not exported', async (t) => {
  const done: (() => void)[] = [];
  const slow = {
    export: (_: unknown, result: (outcome: { code: number }) => void) =>
      void done.push(() => result({ code: 0 })),
    shutdown: async () => {},
  };
  const provider = await createProvider({ exporter: slow }, {});
  const { run, layer } = setUp(provider === undefined ? {} : { provider });
  run(() => log.inSpan('work', () => {}));
  const { complete, dropped } = await layer.shutdown({ timeout: 20 });
  t.deepEqual([complete, dropped], [false, 1]);
  for (const finish of done) finish();
  t.is(layer.stats().dropped, 0, 'it got through after all');
});

test('OTEL_SDK_DISABLED makes no provider and loads nothing', async (t) => {
  const peers = { ...PEERS, sdk: () => t.fail() as never };
  t.is(await createProvider({}, { OTEL_SDK_DISABLED: 'TRUE' }, peers), undefined);
});

test('a missing package is named', async (t) => {
  const missing = () =>
    Promise.reject(Object.assign(new Error('not here'), { code: 'ERR_MODULE_NOT_FOUND' }));
  const name = (expected: string) => ({
    instanceOf: MissingPeerError,
    message: new RegExp(`npm install ${expected}$`),
  });
  await t.throwsAsync(
    createProvider({}, {}, { ...PEERS, sdk: missing }),
    name('@opentelemetry/sdk-trace-base'),
  );
  const without: Peers = { ...PEERS, proto: missing, http: missing };
  await t.throwsAsync(otlpExporter({}, without), name('@opentelemetry/exporter-trace-otlp-proto'));
  const json = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
  await t.throwsAsync(otlpExporter(json, without), name('@opentelemetry/exporter-trace-otlp-http'));
  const broken = () => Promise.reject(new Error('syntax'));
  await t.throwsAsync(otlpExporter({}, { ...PEERS, proto: broken }), { message: 'syntax' });
});

test('the protocol decides which OTLP exporter is loaded', async (t) => {
  const load = async (env: NodeJS.ProcessEnv, without?: 'proto') => {
    const loaded: string[] = [];
    const spy = (kind: 'proto' | 'http') => () => {
      loaded.push(kind);
      if (kind === without)
        return Promise.reject(Object.assign(new Error(), { code: 'ERR_MODULE_NOT_FOUND' }));
      return PEERS[kind]() as never;
    };
    const exporter = await otlpExporter(env, {
      ...PEERS,
      proto: spy('proto') as never,
      http: spy('http') as never,
    });
    await exporter.shutdown();
    return loaded;
  };
  t.deepEqual(await load({}), ['proto']);
  t.deepEqual(await load({}, 'proto'), ['proto', 'http']);
  t.deepEqual(await load({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }), ['http']);
  const both = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  t.deepEqual(await load(both), ['proto']);
  await t.throwsAsync(load({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), {
    instanceOf: OptionError,
    message: 'OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json, not "grpc"',
  });
});

test.serial('OTEL_TRACES_EXPORTER chooses the exporters', async (t) => {
  const none: Peers = { ...PEERS, proto: () => t.fail() as never, http: () => t.fail() as never };
  for (const name of ['none', 'console', 'Console']) {
    const provider = await createProvider({}, { OTEL_TRACES_EXPORTER: name }, none);
    t.true(provider?.getTracer('x').startSpan('s').isRecording());
    await provider?.shutdown();
  }
  await t.throwsAsync(createProvider({}, { OTEL_TRACES_EXPORTER: 'zipkin' }, none), {
    instanceOf: OptionError,
  });
});
