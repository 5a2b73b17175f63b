import { propagation, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { LayerError, MissingPeerError, OptionError } from '../src/errors.ts';
import { initializeTracing, type TracingOptions } from '../src/index.ts';
import { PEERS, type Peers } from '../src/opentelemetry/peers.ts';
import { inject, OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { createProvider } from '../src/opentelemetry/export/own-provider.ts';
import { resourceAttributes } from '../src/opentelemetry/export/resource.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { log, setUp } from './helpers/exported-spans.ts';

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

test.serial("a program's global provider is used although there is somewhere to export to", async (t) => {
  const theirs = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(theirs)] }),
  );
  t.teardown(() => trace.disable());
  const name = 'OTEL_EXPORTER_OTLP_ENDPOINT';
  process.env[name] = 'http://127.0.0.1:9';
  t.teardown(() => delete process.env[name]);
  const named = (from: InMemorySpanExporter) => from.getFinishedSpans().map((span) => span.name);
  const run = async (options: TracingOptions) => {
    const tracing = await initializeTracing({ kvp: false, stderr: false, ...options });
    log.inSpan('work', () => {});
    t.true((await tracing.shutdown()).complete);
  };
  await run({});
  await run({ opentelemetry: { filter: 'debug' } });
  t.deepEqual(named(theirs), ['work', 'work']);
  const ours = new InMemorySpanExporter();
  // Its shutdown forgets what it exported.
  ours.shutdown = async () => {};
  await run({ opentelemetry: { exporter: ours } });
  t.is(named(theirs).length, 2);
  t.deepEqual(named(ours), ['work'], 'unless the program says where to');
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
});

test.serial('a wrong part of OTEL_RESOURCE_ATTRIBUTES costs that part only, and is said', async (t) => {
  const listed = async (OTEL_RESOURCE_ATTRIBUTES: string) => {
    const exporter = new InMemorySpanExporter();
    const told: string[] = [];
    const onProblem = ({ message }: Error): void => void told.push(message);
    const provider = await createProvider({ exporter, onProblem }, { OTEL_RESOURCE_ATTRIBUTES });
    provider?.getTracer('x').startSpan('s').end();
    await provider?.forceFlush();
    const { a, b, ...others } = exporter.getFinishedSpans()[0]?.resource.attributes ?? {};
    await provider?.shutdown();
    const added = Object.keys(others).filter((name) => !/^(service|telemetry|cloud)\./.test(name));
    return [a, b, added, told.map((text) => /not (".*")/.exec(text)?.[1] ?? text)];
  };
  t.deepEqual(await listed('a=1,b=%20x%2C'), ['1', ' x,', [], []]);
  t.deepEqual(await listed('a=1,bad'), ['1', undefined, [], ['"…"']]);
  t.deepEqual(await listed('bad,a=1'), ['1', undefined, [], ['"…"']]);
  t.deepEqual(await listed('a=1,b=%zz'), ['1', undefined, [], ['"b=…"']]);
  t.deepEqual(await listed('a=1,%=2'), ['1', undefined, [], ['"%=…"']]);
  t.deepEqual(await listed('a=1,=2'), ['1', undefined, [], ['"=…"']]);
  t.deepEqual(await listed('a=1,%20=2'), ['1', undefined, [], ['"%20=…"']]);
  t.deepEqual(await listed('a=1,b=x=y'), ['1', undefined, [], ['"…"']]);
  t.deepEqual(await listed('a=1,b=2,a=3'), ['3', '2', [], ['"a=…"']], 'the last value counts');
  t.deepEqual(await listed(' , a = 1 ,,b='), ['1', '', [], []]);
  const [a, , , told] = await listed('x,y,z,a=1');
  t.deepEqual([a, told], ['1', ['"…"']]);
});

test('what is told of a wrong part of OTEL_RESOURCE_ATTRIBUTES is its place and its key, never what may be a secret', (t) => {
  const told = (list: string): string => {
    const problems: string[] = [];
    resourceAttributes({}, { OTEL_RESOURCE_ATTRIBUTES: list }, ({ message }) => void problems.push(message));
    return problems.join();
  };
  const must = 'OTEL_RESOURCE_ATTRIBUTES must be a list of key=value, percent-encoded, with each key once';
  t.is(told('a=1,b=%zz'), `${must} (part 2 is wrong, the others count), not "b=…"`);
  t.is(told('s3cret'), `${must} (part 1 is wrong, the others count), not "…"`);
  for (const list of [
    'a=1,token=abc,s3cret',
    'token=abc,s3cret==',
    'token=abc,s3cret=x=y',
    'token: s3cret',
    'a=1; token=s3cret; c=2',
    'token=%s3cret',
    'Bearer s3cret,x',
    '"a=1,s3cret"',
  ]) {
    t.regex(told(list), /\(part \d (?:is|and \d more are) wrong, the others count\), not "[^"]*…"$/, list);
    t.notRegex(told(list), /s3cret/, list);
  }
});

test.serial(
  'what finds the queue of the batch processor full is counted by the next flush, once',
  async (t) => {
    const exporter = new InMemorySpanExporter();
    const provider = await createProvider({ exporter }, {});
    const { run, layer } = setUp(provider === undefined ? {} : { provider });
    const count = 5000;
    run(() => {
      for (let i = 0; i < count; i++) log.inSpan('work', () => {});
    });
    const { dropped } = await layer.flush();
    t.true(dropped > 0);
    t.is(dropped, count - exporter.getFinishedSpans().length);
    t.is(layer.stats().dropped, dropped);
    run(() => log.inSpan('last', () => {}));
    t.is((await layer.flush()).dropped, dropped);
    t.is(exporter.getFinishedSpans().at(-1)?.name, 'last');
    t.is((await layer.shutdown()).dropped, dropped);
  },
);

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
    message: new RegExp(`^exporting needs ${expected}: npm install ${expected}@`),
  });
  await t.throwsAsync(createProvider({}, {}, { ...PEERS, sdk: missing }), name('@opentelemetry/sdk-trace'));
  const without: Peers = { ...PEERS, transformer: missing };
  await t.throwsAsync(createProvider({}, {}, without), name('@opentelemetry/otlp-transformer'));
  const broken = () => Promise.reject(new Error('syntax'));
  await t.throwsAsync(createProvider({}, {}, { ...PEERS, transformer: broken }), { message: 'syntax' });
});

test.serial('OTEL_TRACES_EXPORTER chooses the exporters', async (t) => {
  const none: Peers = { ...PEERS, transformer: () => t.fail() as never };
  for (const name of ['none', 'console', 'Console']) {
    const provider = await createProvider({}, { OTEL_TRACES_EXPORTER: name }, none);
    t.true(provider?.getTracer('x').startSpan('s').isRecording());
    await provider?.shutdown();
  }
  await t.throwsAsync(createProvider({}, { OTEL_TRACES_EXPORTER: 'zipkin' }, none), {
    instanceOf: OptionError,
  });
});

test.serial(
  'an own provider brings W3C propagators where there are none, and takes them with it',
  async (t) => {
    const provider = await createProvider({ exporter: new InMemorySpanExporter() }, {});
    const registry = new Registry().with(new OpenTelemetryLayer(provider === undefined ? {} : { provider }));
    const { traceparent, span } = withDefault(registry, () =>
      log.inSpan('client', (span) => ({ ...inject<{ traceparent?: string }>(), span })),
    );
    t.is(traceparent, `00-${span.traceId}-${span.spanId}-01`);
    await registry.shutdown();
    t.deepEqual(propagation.fields(), []);
  },
);

test.serial(
  'without the package of the propagators spans are exported, and their context propagates',
  async (t) => {
    const missing = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ERR_MODULE_NOT_FOUND' }));
    const exporter = new InMemorySpanExporter();
    const provider = await createProvider({ exporter }, {}, { ...PEERS, core: missing });
    provider?.getTracer('t').startSpan('s').end();
    await provider?.forceFlush();
    t.is(exporter.getFinishedSpans().length, 1);
    t.deepEqual(propagation.fields(), ['traceparent', 'tracestate']);
    await provider?.shutdown();
    t.deepEqual(propagation.fields(), []);
  },
);
