import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { OptionError } from '../src/errors.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { hrTimeNow } from '../src/opentelemetry/layer/time.ts';
import { sleepSync } from '../src/sleep-sync.ts';
import { target } from '../src/tracing/target.ts';
import { log, millisOf, setUp } from './helpers/exported-spans.ts';
import { ended, onBuilt, ROOT } from './helpers/programs.ts';

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

test('a tracer of the program may pass on a copy of what a span starts with', (t) => {
  const { provider, named } = setUp();
  const inner = provider.getTracer('inner');
  const startSpan: Tracer['startSpan'] = (name, options, context) => {
    sleepSync(20);
    return inner.startSpan(name, { ...options }, context);
  };
  const { run } = setUp({ tracer: { startSpan, startActiveSpan: inner.startActiveSpan.bind(inner) } });
  run(() => log.inSpan('work', { fields: { 'otel.kind': 'client', user: 'alice' } }, () => {}));
  const { kind, attributes, duration } = named('work');
  t.is(kind, SpanKind.CLIENT);
  t.is(attributes['user'], 'alice');
  t.true(millisOf(duration) >= 20, 'it began when our span did');
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

test('an OpenTelemetry span lasts exactly as long as the span that it stands for', (t) => {
  const { run, spans } = setUp();
  const ours = run(() =>
    Array.from({ length: 20 }, () =>
      log.inSpan('short', (span) => {
        log.info('text');
        return span;
      }),
    ),
  );
  // OpenTelemetry's times are whole nanoseconds.
  spans().forEach(({ duration }, i) =>
    t.true(Math.abs(millisOf(duration) - (ours[i]?.duration ?? 0)) < 1e-5),
  );
});

/** Sets its wall clock while a span is open. That clock passes for Node.js's own, which the package takes when it is loaded. */
const CLOCK_PROGRAM = `
  const real = Date.now;
  const { toString } = Function.prototype;
  let step = 0;
  const settable = () => real() + step;
  Function.prototype.toString = function () {
    return this === settable ? 'function now() { [native code] }' : toString.call(this);
  };
  Date.now = settable;
  const { Registry, target, withDefault } = await import('kvp-tracing');
  const { OpenTelemetryLayer } = await import('kvp-tracing/opentelemetry');
  const sdk = await import('@opentelemetry/sdk-trace-base');
  const exporter = new sdk.InMemorySpanExporter();
  const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
  const log = target('t');
  withDefault(new Registry().with(new OpenTelemetryLayer({ provider })), () => {
    const across = log.span('across');
    step = 3_600_000;
    // The clocks are compared once a millisecond.
    for (const end = performance.now() + 2; performance.now() < end;);
    log.inSpan('after', () => {});
    across.close();
  });
  const times = exporter.getFinishedSpans().map(({ name, startTime, duration }) => [name, { startTime, duration }]);
  console.log(JSON.stringify({ now: settable(), ...Object.fromEntries(times) }));
`;

test('a wall clock that was set moves later spans and no duration', async (t) => {
  const child = spawn(process.execPath, onBuilt(CLOCK_PROGRAM), { cwd: ROOT });
  const { stdout, stderr } = await ended(child);
  t.regex(stdout, /^\{/, stderr);
  const { now, across, after } = JSON.parse(stdout);
  t.true(millisOf(across.duration) < 5000);
  t.true(Math.abs(millisOf(after.startTime) - now) < 2000);
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

test('an event outside of any span is counted as such', (t) => {
  const { run, layer, spans } = setUp();
  run(() => log.info('nowhere'));
  t.deepEqual(spans(), []);
  t.deepEqual(layer.stats(), { spans: 0, events: 0, dropped: 0, outside: 1 });
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
