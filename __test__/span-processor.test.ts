import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import { AlwaysOffSampler, BasicTracerProvider, SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import test from 'ava';
import type { Diagnostic } from '../src/diagnostics/diagnostic.ts';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { timeline } from '../src/diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../src/diagnostics/timeline/timeline-node.ts';
import { ensureContextManager } from '../src/opentelemetry/layer/context-manager.ts';
import { eventIdOf } from '../src/opentelemetry/processor/kvp-span-processor.ts';
import { KvpSpanProcessor, type KvpSpanProcessorOptions } from '../src/opentelemetry/index.ts';
import { poolOf } from './helpers/pool-folder.ts';
import { kinds, type SetUp, told } from './helpers/processed-spans.ts';

ensureContextManager();

const textOf = (diagnostic: Diagnostic | undefined) =>
  JSON.parse(diagnostic?.text ?? '{}') as Record<string, unknown>;

test('a span has a start and a finish with its attributes, its ids, its duration and the name of its scope', async (t) => {
  let ids = { traceId: '', spanId: '' };
  const [start, finish] = await told(t, (tracer) => {
    const span = tracer.startSpan('GET', {
      attributes: { method: 'GET', tags: ['a', 'b'] },
      startTime: [1000, 0],
    });
    span.setAttribute('status', 200);
    span.end([1000, 500_250_000]);
    ids = span.spanContext();
  });
  const { traceId, spanId } = ids;
  const id = eventIdOf(traceId, spanId);
  const common = { name: 'GET', id, agent: 'kvp-tracing/0.1.0', vmId: 'vm', target: 'http', level: 'INFO' };
  t.like(start, { ...common, kind: 'start', traceId, spanId });
  t.deepEqual({ ...start?.fields }, { method: 'GET', tags: ['a', 'b'] });
  t.false('parent' in (start ?? {}));
  t.like(finish, { ...common, kind: 'finish', result: 'success', duration: 0.50025, traceId, spanId });
  t.deepEqual({ ...finish?.fields }, { method: 'GET', tags: ['a', 'b'], status: 200 });
  t.deepEqual(Object.keys(textOf(start)), ['target', 'level', 'fields', 'trace_id', 'span_id']);
});

test('the id in the pool is a UUID made of the random half of the trace id and the span id', (t) => {
  const id = eventIdOf('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331');
  t.is(id, '48eb211c-8031-89cb-87ad-6b7169203331');
  t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.not(eventIdOf('0af7651916cd43dd8448eb211c80319d', 'b7ad6b7169203331'), id);
  t.not(eventIdOf('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203330'), id);
});

test('an ERROR status is a failure and its description a field; OK and no status are successes', async (t) => {
  const diagnostics = await told(t, (tracer) => {
    for (const status of [
      { code: SpanStatusCode.ERROR, message: 'refused' },
      { code: SpanStatusCode.ERROR },
      { code: SpanStatusCode.OK },
      undefined,
    ]) {
      const span = tracer.startSpan('s');
      if (status !== undefined) span.setStatus(status);
      span.end();
    }
  });
  const finishes = diagnostics.filter(({ kind }) => kind === 'finish');
  t.deepEqual(
    finishes.map(({ result, fields }) => [result, { ...fields }]),
    [
      ['fail', { 'otel.status_description': 'refused' }],
      ['fail', {}],
      ['success', {}],
      ['success', {}],
    ],
  );
});

test('a span that takes no time can fail, too', async (t) => {
  const [, finish] = await told(t, (tracer) => {
    const span = tracer.startSpan('s', { startTime: [1000, 0] });
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end([1000, 0]);
  });
  t.like(finish, { result: 'fail', duration: 0 });
});

test('events come before the finish with their own time; an exception is an ERROR', async (t) => {
  const [start, cached, exception, finish] = await told(t, (tracer) => {
    const span = tracer.startSpan('GET');
    span.addEvent('cached', { key: 'k', message: 'of the caller' }, Date.UTC(2026, 10, 22, 18, 9, 14, 704));
    span.recordException(new TypeError('boom'));
    span.end();
  });
  t.is(finish?.kind, 'finish');
  t.like(cached, { kind: 'event', name: 'GET', message: 'cached', level: 'INFO', target: 'http' });
  t.deepEqual({ ...cached?.fields }, { key: 'k', message_: 'of the caller' });
  t.is(cached?.span, start?.id);
  t.is(cached?.spanId, start?.spanId);
  t.is(textOf(cached)['time'], '2026-11-22T18:09:14.704Z');
  t.like(exception, { kind: 'event', message: 'exception', level: 'ERROR' });
  t.like(exception?.fields, { 'exception.type': 'TypeError', 'exception.message': 'boom' });
});

test('spans nest as in a program of ours: their timeline is a tree', async (t) => {
  const diagnostics = await told(t, async (tracer) => {
    await tracer.startActiveSpan('outer', async (outer) => {
      await sleep(1);
      tracer.startActiveSpan('inner', (inner) => {
        inner.addEvent('hello');
        inner.end();
      });
      outer.end();
    });
  });
  const [outer] = timeline(diagnostics).roots as [TimelineNode];
  const [inner] = outer.children as [TimelineNode];
  t.like(outer, { name: 'outer', state: 'finished', result: 'success' });
  t.like(inner, { name: 'inner', state: 'finished' });
  t.is(inner.events[0]?.message, 'hello');
});

test('a remote parent, and a local one that is not sampled, are none in the pool', async (t) => {
  const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
  const diagnostics = await told(
    t,
    (tracer) => {
      for (const parent of [
        { ...ids, traceFlags: 1, isRemote: true },
        { ...ids, traceFlags: 0 },
        { ...ids, traceFlags: 1 },
      ]) {
        tracer.startSpan('s', {}, trace.setSpanContext(ROOT_CONTEXT, parent)).end();
      }
    },
    { sampler: { shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }) } },
  );
  const starts = diagnostics.filter(({ kind }) => kind === 'start');
  t.deepEqual(
    starts.map(({ parent, traceId }) => [parent, traceId]),
    [
      [undefined, ids.traceId],
      [undefined, ids.traceId],
      [eventIdOf(ids.traceId, ids.spanId), ids.traceId],
    ],
  );
});

test('only sampled spans are written, not those that are recorded alone', async (t) => {
  const program = (tracer: Tracer) => {
    const span = tracer.startSpan('s');
    span.addEvent('e');
    span.end();
  };
  t.deepEqual(await told(t, program, { sampler: new AlwaysOffSampler() }), []);
  const recorded = { shouldSample: () => ({ decision: SamplingDecision.RECORD }) };
  t.deepEqual(await told(t, program, { sampler: recorded }), []);
});

test('a new name is a field of the finish, a kind other than INTERNAL as well', async (t) => {
  const diagnostics = await told(t, (tracer) => {
    const span = tracer.startSpan('GET', { kind: SpanKind.SERVER });
    span.updateName('GET /users');
    span.end();
  });
  t.deepEqual(kinds(diagnostics), ['start GET', 'finish GET']);
  t.deepEqual({ ...diagnostics[1]?.fields }, { 'otel.name': 'GET /users', 'otel.kind': 'server' });
});

test('a name that no key can hold stands in the payload', async (t) => {
  const name = 'a|b'.repeat(30);
  const diagnostics = await told(t, (tracer) => tracer.startSpan(name).end());
  t.deepEqual(
    diagnostics.map((each) => each.name),
    [name, name],
  );
});

test('secrets are redacted by their names, whatever stands before the last dot', async (t) => {
  const attributes = { 'http.request.header.authorization': ['Bearer x'], Password: 'x', 'db.user': 'alice' };
  const program = (tracer: Tracer) => {
    const span = tracer.startSpan('s', { attributes });
    span.addEvent('e', { token: 'x', kept: 1 });
    span.end();
  };
  const [start, event, finish] = await told(t, program);
  const redacted = {
    'http.request.header.authorization': '[redacted]',
    Password: '[redacted]',
    'db.user': 'alice',
  };
  t.deepEqual({ ...start?.fields }, redacted);
  t.deepEqual({ ...finish?.fields }, redacted);
  t.deepEqual({ ...event?.fields }, { token: '[redacted]', kept: 1 });
  const [other] = await told(t, program, { redact: { only: ['user'] } });
  t.deepEqual({ ...other?.fields }, { ...attributes, 'db.user': '[redacted]' });
});

test('a filter decides by scope, name and level; what is hidden vanishes from between', async (t) => {
  const program = (_: Tracer, { provider }: SetUp) => {
    const [http, db] = [provider.getTracer('http'), provider.getTracer('db.pool')];
    http.startActiveSpan('request', (request) => {
      db.startActiveSpan('acquire', (acquire) => {
        acquire.recordException(new Error('busy'));
        http.startActiveSpan('nested', (nested) => nested.end());
        acquire.end();
      });
      request.end();
    });
  };
  const filtered = (filter: KvpSpanProcessorOptions['filter']) =>
    told(t, program, { filter: filter as string });
  const some = await filtered('info,db=error');
  t.deepEqual(kinds(some), [
    'start request',
    'start nested',
    'finish nested',
    'event request',
    'finish request',
  ]);
  t.is(some[1]?.parent, some[0]?.id);
  t.is(some[3]?.span, some[0]?.id);
  const errors = await filtered('error');
  t.deepEqual(kinds(errors), ['event db.pool']);
  t.false('span' in (errors[0] ?? {}));
  t.deepEqual(await filtered('off'), []);
  const named = await filtered(({ name }) => name === 'nested');
  t.deepEqual(kinds(named), ['start nested', 'finish nested']);
  t.deepEqual(kinds(await filtered('[{exception.message}]=error')), ['event db.pool']);
  t.throws(() => new KvpSpanProcessor({ path: poolOf(t), filter: 'inof' }), {
    code: 'ERR_KVP_INVALID_OPTION',
  });
});

test('hostile spans harm neither the program nor other spans, and are said once', async (t) => {
  const problems: Error[] = [];
  const diagnostics = await told(t, (tracer, { processor, problems: said }) => {
    const hostile = {
      get name(): string {
        throw new Error('no name');
      },
      spanContext: () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }),
    };
    for (let i = 0; i < 3; i++) {
      t.notThrows(() => processor.onStart(hostile as never, ROOT_CONTEXT));
      t.notThrows(() => processor.onEnd(hostile as never));
      t.notThrows(() => processor.onStart(undefined as never, undefined as never));
    }
    tracer.startSpan('good', { attributes: { text: '\0\ud800"\\|' } }).end();
    problems.push(...said);
  });
  t.deepEqual(kinds(diagnostics), ['start good', 'finish good']);
  t.is(diagnostics[0]?.fields['text'], '\0\ufffd"\\|');
  t.is(problems.length, 1);
  t.regex(problems[0]?.message ?? '', /^KvpSpanProcessor threw: .+; it stays in use$/);
});

test('a span that another processor hands on as something else has its finish and events all the same', async (t) => {
  const diagnostics = await told(
    t,
    (tracer) => {
      const span = tracer.startSpan('s');
      span.addEvent('e');
      span.end();
    },
    {
      around: (inner) => ({
        onStart: (span, parent) => inner.onStart(span, parent),
        onEnd: (span) => inner.onEnd(Object.create(span)),
        forceFlush: () => inner.forceFlush(),
        shutdown: () => inner.shutdown(),
      }),
    },
  );
  t.deepEqual(kinds(diagnostics), ['start s', 'event s', 'finish s']);
  t.is(diagnostics[2]?.id, diagnostics[0]?.id);
});

test('what a flush resolved for is in the file; after the shutdown spans are left alone', async (t) => {
  await told(t, async (tracer, { provider, processor, path, problems }) => {
    const open = tracer.startSpan('open');
    tracer.startSpan('closed').end();
    await provider.forceFlush();
    t.is(readDiagnosticsSync(path).diagnostics.length, 3);
    t.like(processor.stats(), { accepted: 3, written: 3, dropped: {} });
    await Promise.all([processor.shutdown(), processor.shutdown()]);
    const late = tracer.startSpan('late');
    late.end();
    t.is(processor.stats().accepted, 3);
    open.end();
    t.like(processor.stats(), { written: 3, dropped: { closed: { INFO: 1 } } });
    await processor.forceFlush();
    t.is(problems.length, 1);
  });
});

test('flush and shutdown resolve although the pool can never be written to', async (t) => {
  const processor = new KvpSpanProcessor({
    path: `${poolOf(t)}/missing/pool`,
    vmId: 'vm',
    onProblem: () => {},
  });
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  provider.getTracer('x').startSpan('s').end();
  await t.notThrowsAsync(() => processor.shutdown());
});

test('records are signed by the service of the resource, else by the option', async (t) => {
  const path = poolOf(t);
  const processor = new KvpSpanProcessor({ path, vmId: 'vm', agent: 'option/7' });
  const traced = (attributes: Record<string, string>): void => {
    const resource = resourceFromAttributes(attributes);
    new BasicTracerProvider({ resource, spanProcessors: [processor] }).getTracer('x').startSpan('s').end();
  };
  const none = processor.stats();
  traced({ 'service.name': 'agent', 'service.version': '1.2' });
  traced({ 'service.name': 'bare' });
  traced({ 'service.name': 'unknown_service:node' });
  traced({});
  traced({ 'service.name': `${'long'.repeat(20)}`, 'service.version': '2' });
  await processor.forceFlush();
  t.is(processor.stats().written - none.written, 10);
  await processor.shutdown();
  const agents = readDiagnosticsSync(path).diagnostics.flatMap(({ kind, agent }) =>
    kind === 'start' ? [agent] : [],
  );
  t.deepEqual(agents.toSorted(), [
    'agent/1.2',
    'bare/0',
    `${'long'.repeat(8).slice(0, 30)}/2`,
    'option/7',
    'option/7',
  ]);
});

test('a span that two processors of one pool see is written once', async (t) => {
  const path = poolOf(t);
  const options = { path, vmId: 'vm' };
  const spanProcessors = [new KvpSpanProcessor(options), new KvpSpanProcessor(options)];
  const provider = new BasicTracerProvider({ spanProcessors });
  const tracer = provider.getTracer('x');
  const span = tracer.startSpan('outer');
  tracer.startSpan('inner', {}, trace.setSpan(ROOT_CONTEXT, span)).end();
  span.addEvent('event').end();
  await provider.shutdown();
  const { diagnostics } = readDiagnosticsSync(path);
  t.deepEqual(
    diagnostics.map(({ kind, name }) => `${kind} ${name}`),
    ['start outer', 'start inner', 'finish inner', 'event outer', 'finish outer'],
  );
});

test('an exception is its type, its message and the first lines of its stack, whatever their length', async (t) => {
  const error = new Error(`first line\n${'more '.repeat(2000)}`);
  const frames = Array.from({ length: 100 }, (_, i) => `    at f${i} (/long/path/to/a/file.js:${i}:1)`);
  error.stack = `Error: ${error.message}\n${frames.join('\n')}`;
  const [, event] = await told(t, (tracer) => {
    const span = tracer.startSpan('s');
    span.recordException(error);
    span.end();
  });
  const fields = event?.fields ?? {};
  t.is(fields['exception.type'], 'Error');
  t.regex(String(fields['exception.message']), /^first line\nmore .{400,}…$/s);
  const stack = String(fields['exception.stacktrace']).split('\n');
  t.is(stack[0], 'Error: first line');
  t.deepEqual(stack.slice(1, 4), frames.slice(0, 3));
  t.is(stack.at(-1), '…');
  t.true(stack.length <= 8);
  t.true(Buffer.byteLength(String(event?.text)) < 2 * 1022);
});
