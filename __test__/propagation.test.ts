import { readFileSync } from 'node:fs';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { AlwaysOffSampler, AlwaysOnSampler } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { childEnv, initializeTracing, Registry, reload, type Span, withDefault } from '../src/index.ts';
import {
  extract,
  inject,
  OpenTelemetryLayer,
  processEnvironment,
  withRemoteContext,
} from '../src/opentelemetry/index.ts';
import { log, setUp } from './helpers/exported-spans.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { Recorder } from './helpers/recorder.ts';

interface Case {
  title: string;
  headers: [string, string][];
  continues: boolean;
  tracestate?: string | null;
}

type Texts = Record<string, string>;

const { traceId, parentId, cases } = JSON.parse(
  readFileSync(new URL('fixtures/trace-context.json', import.meta.url), 'utf8'),
) as { traceId: string; parentId: string; cases: Case[] };
const TRACEPARENT = `00-${traceId}-${parentId}-01`;
const VARIABLES = ['TRACEPARENT', 'TRACESTATE', 'BAGGAGE'];

test.before(() => {
  const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
});

/** Runs `act` with these variables in the environment, and no others of the carrier. */
async function within<R>(env: Texts, act: () => Promise<R>): Promise<R> {
  for (const name of VARIABLES) delete process.env[name];
  Object.assign(process.env, env);
  try {
    return await act();
  } finally {
    for (const name of VARIABLES) delete process.env[name];
  }
}

for (const [index, { title, headers, continues, tracestate }] of cases.entries()) {
  test(`W3C ${index + 1}: ${title}`, (t) => {
    const { run, named } = setUp({ sampler: new AlwaysOnSampler() });
    const sent = run(() => log.inSpan('request', { parent: extract(headers) }, () => inject<Texts>({})));
    const [version, trace, span, flags] = sent['traceparent']?.split('-') ?? [];
    t.is(version, '00');
    t.is(trace === traceId, continues);
    t.is(span, named('request').spanContext().spanId);
    t.not(span, parentId);
    t.is(flags, '01');
    t.is(named('request').parentSpanContext?.spanId, continues ? parentId : undefined);
    if (tracestate !== undefined) t.is(sent['tracestate'], tracestate ?? undefined);
  });
}

test('requests of one trace each have a span id of their own, those of none a trace of their own', (t) => {
  const { run } = setUp();
  const sendFrom = (traceparent: string) =>
    run(() =>
      Array.from({ length: 3 }, () =>
        log.inSpan('request', { parent: extract({ traceparent }) }, () => inject<Texts>()['traceparent']),
      ),
    ).map((sent) => `${sent}`.split('-'));
  const same = sendFrom(TRACEPARENT);
  t.deepEqual(new Set(same.map(([, trace]) => trace)), new Set([traceId]));
  t.is(new Set(same.map(([, , span]) => span)).size, 3);
  const own = sendFrom(`00-${'0'.repeat(32)}-${parentId}-01`);
  t.is(new Set(own.map(([, trace]) => trace)).size, 3);
});

test('a remote parent counts inside of a span, for instrumented functions, and past a hidden span', (t) => {
  const { run, named, registry } = setUp();
  const recorder = new Recorder();
  registry.with(recorder);
  const parent = extract({ traceparent: TRACEPARENT });
  t.is(parent.traceId, traceId);
  t.is(parent.spanId, parentId);
  run(() =>
    log.inSpan('busy', () => {
      log.inSpan('request', { parent }, () => log.inSpan('deeper', () => {}));
      log.instrument({ name: 'handler', parent }, () => {})();
      log.inSpan('hidden', { parent, level: 'debug' }, () => log.inSpan('visible', () => {}));
    }),
  );
  for (const name of ['request', 'handler', 'visible']) {
    t.is(named(name).parentSpanContext?.spanId, parentId, name);
    t.true(named(name).parentSpanContext?.isRemote);
  }
  t.is(named('deeper').parentSpanContext?.spanId, named('request').spanContext().spanId);
  t.is(named('busy').parentSpanContext, undefined);
  // To other layers it is a span without a parent.
  t.true(recorder.heard.includes('new request'));
});

test('a remote parent that was not sampled is not exported, and its trace goes on', (t) => {
  const { run, spans } = setUp();
  const carrier = { traceparent: `00-${traceId}-${parentId}-00` };
  const sent = run(() => log.inSpan('request', { parent: extract(carrier) }, () => inject<Texts>()));
  t.regex(sent['traceparent'] ?? '', new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  t.deepEqual(spans(), []);
});

test('baggage comes and goes with the context, malformed members are left out', (t) => {
  const { run } = setUp();
  const carrier = { traceparent: TRACEPARENT, baggage: 'vm=7;p=1, bad, =x, %E0%A4=1, name=al%20ice' };
  run(() =>
    log.inSpan('request', { parent: extract(carrier) }, () => {
      t.is(propagation.getActiveBaggage()?.getEntry('name')?.value, 'al ice');
      t.is(inject<Texts>()['baggage'], 'vm=7;p=1,name=al%20ice');
    }),
  );
});

test('headers are an object, Headers, a map or pairs; what is hostile is ignored', (t) => {
  const { run } = setUp();
  const list = ['foo=1', 'bar=2'];
  for (const carrier of [
    { TraceParent: TRACEPARENT, tracestate: list },
    new Headers({ traceparent: TRACEPARENT, tracestate: list.join() }),
    new Map<string, unknown>([
      ['traceparent', [TRACEPARENT]],
      ['tracestate', list],
    ]),
  ]) {
    for (const written of [{}, new Headers(), new Map()]) {
      run(() => log.inSpan('request', { parent: extract(carrier) }, () => inject(written)));
      const sent = Object.fromEntries(
        written instanceof Headers || written instanceof Map ? written : Object.entries(written),
      ) as Texts;
      t.is(sent['traceparent']?.split('-')[1], traceId);
      t.is(sent['tracestate'], 'foo=1,bar=2');
    }
  }
  const hostile = Object.defineProperty({}, 'traceparent', {
    enumerable: true,
    get: () => {
      throw new Error('gotcha');
    },
  });
  const odd = [hostile, { traceparent: 5 }, { traceparent: {} }, [1, 2], new Map([[{}, TRACEPARENT]])];
  for (const carrier of [...odd, JSON.parse('{"__proto__":{"traceparent":"x"}}') as object]) {
    t.is(extract(carrier).traceId, undefined);
    t.is(
      withRemoteContext(carrier, () => trace.getActiveSpan()),
      undefined,
    );
  }
});

test('flags that are not defined are not passed on', (t) => {
  setUp();
  const sent = withRemoteContext({ traceparent: `00-${traceId}-${parentId}-ff` }, () => inject<Texts>());
  t.is(sent['traceparent'], `00-${traceId}-${parentId}-03`);
});

test.serial('spans without a parent continue the trace of the environment', async (t) => {
  const env = { TRACEPARENT, TRACESTATE: 'foo=1', BAGGAGE: 'vm=7' };
  const environment = await within(env, () => processEnvironment());
  const { run, named } = setUp({ environment });
  run(() => {
    log.inSpan('root', () => {
      t.like(inject<Texts>(), { tracestate: 'foo=1', baggage: 'vm=7' });
      log.inSpan('inner', () => {});
    });
    log.inSpan('alone', { parent: null }, () => {});
    log.inSpan('asked', { parent: extract({}) }, () => {});
    const other = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
    context.with(trace.setSpanContext(ROOT_CONTEXT, other), () => log.inSpan('nested', () => {}));
    const baggage = propagation.createBaggage({ own: { value: '1' } });
    context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
      log.inSpan('laden', () => t.is(inject<Texts>()['baggage'], 'own=1')),
    );
  });
  t.is(named('root').parentSpanContext?.spanId, parentId);
  t.is(named('laden').parentSpanContext?.spanId, parentId);
  t.is(named('inner').parentSpanContext?.spanId, named('root').spanContext().spanId);
  t.is(named('alone').parentSpanContext, undefined);
  t.is(named('asked').parentSpanContext, undefined);
  t.is(named('nested').parentSpanContext?.spanId, 'b'.repeat(16));
});

test.serial('what is malformed in the environment is ignored', async (t) => {
  for (const env of [
    {},
    { TRACEPARENT: '' },
    { TRACEPARENT: 'yes', TRACESTATE: 'foo=1' },
    { traceparent: TRACEPARENT },
    { TRACEPARENT: `ff-${traceId}-${parentId}-01` },
  ]) {
    const environment = await within(env, () => processEnvironment());
    t.is(trace.getSpan(environment.context), undefined);
  }
  const discarded = await within({ TRACEPARENT, TRACESTATE: 'foo=1,foo=2' }, () => processEnvironment());
  t.is(trace.getSpanContext(discarded.context)?.traceState, undefined);
});

test.serial('childEnv copies the environment and adds the current span', async (t) => {
  const inherited = { TRACEPARENT, TRACESTATE: 'foo=1', BAGGAGE: 'vm=7' };
  const env = (span: Span, flags = '01') => `00-${span.traceId}-${span.spanId}-${flags}`;
  await within(inherited, async () => {
    const { run, registry } = setUp({ environment: await processEnvironment() });
    registry.with({});
    const base = { PATH: '/bin', EMPTY: undefined, TRACESTATE: 'stale=1', BAGGAGE: 'stale=1' };
    run(() => {
      t.deepEqual(childEnv({ PATH: '/bin' }), { PATH: '/bin', ...inherited }, 'outside of any span');
      t.deepEqual(childEnv(), { ...process.env });
      log.inSpan('work', (span) => {
        t.deepEqual(childEnv(base), { ...base, ...inherited, TRACEPARENT: env(span) });
        log.inSpan('inner', (inner) => t.is(childEnv()['TRACEPARENT'], env(inner)));
      });
      log.inSpan('alone', { parent: null }, (span) => {
        const { TRACEPARENT: own, ...rest } = childEnv();
        t.is(own, env(span));
        t.false('TRACESTATE' in rest || 'BAGGAGE' in rest, 'nothing of the trace that it has left');
      });
    });
    t.is(base.TRACESTATE, 'stale=1');
    t.is(process.env['TRACEPARENT'], TRACEPARENT);
  });
});

test.serial('without OpenTelemetry childEnv passes on what was inherited', async (t) => {
  await within({ TRACEPARENT }, async () => {
    t.deepEqual(childEnv(), { ...process.env });
    t.not(childEnv(), process.env);
    const { run } = setUp();
    t.is(run(() => log.inSpan('work', () => childEnv()))['TRACEPARENT'], TRACEPARENT);
    const problems: Error[] = [];
    const registry = new Registry({ onProblem: (problem) => problems.push(problem) }).with({
      childEnv: () => {
        throw new Error('broken');
      },
    });
    t.deepEqual(
      withDefault(registry, () => childEnv({ A: '1' })),
      { A: '1' },
    );
    t.is(problems.length, 1);
  });
});

test.serial(
  'a context that is not inherited is still passed on, also by a layer that can be exchanged',
  async (t) => {
    await within({ TRACEPARENT, TRACESTATE: 'foo=1' }, async () => {
      const environment = await processEnvironment({ inherits: false });
      const { run, named } = setUp({ environment, sampler: new AlwaysOffSampler() });
      run(() => {
        t.deepEqual(childEnv(), { ...process.env });
        const { TRACEPARENT: own, TRACESTATE: state } = log.inSpan('work', () => childEnv());
        t.not(own, TRACEPARENT);
        t.regex(own ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
        t.is(state, undefined);
      });
      t.throws(() => named('work'));
      const [layer] = reload(new OpenTelemetryLayer({ environment }));
      const carrier = { traceparent: `00-${'c'.repeat(32)}-${parentId}-01` };
      const passed = withRemoteContext(carrier, () =>
        withDefault(new Registry().with(layer), () => childEnv()),
      );
      t.is(passed['TRACEPARENT'], carrier.traceparent);
    });
  },
);

test.serial("without the carrier's package the environment is read and written all the same", async (t) => {
  const missing = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ERR_MODULE_NOT_FOUND' }));
  await within({ TRACEPARENT, TRACESTATE: 'foo=1', BAGGAGE: 'vm=7' }, async () => {
    const { run, named } = setUp({ environment: await processEnvironment({}, missing) });
    run(() => {
      t.deepEqual(childEnv(), { ...process.env });
      const { TRACEPARENT: own, ...rest } = log.inSpan('work', () => childEnv());
      t.is(own, `00-${traceId}-${named('work').spanContext().spanId}-01`);
      t.like(rest, { TRACESTATE: 'foo=1', BAGGAGE: 'vm=7' });
    });
  });
  await t.throwsAsync(
    processEnvironment({}, () => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  );
});

test.serial('a propagator that was there before stays', async (t) => {
  const { release } = await processEnvironment();
  release();
  t.not(propagation.fields().length, 0);
});

/** What a program that a traced one started prints of itself, set up with `options`. */
async function started(t: ExecutionContext, options: string, variables: Texts = {}) {
  const source = `import { childEnv, info, inSpan, initializeTracing, Span } from 'kvp-tracing';
    const tracing = await initializeTracing({ kvp: false, stderr: { format: 'json', filter: 'info', spanEvents: [] }, ${options} });
    inSpan('work', () => info('hi'));
    inSpan('alone', { parent: null }, () => info('hi'));
    console.log(JSON.stringify([inSpan('work', () => childEnv()), childEnv()].map(({ TRACEPARENT }) => TRACEPARENT)));
    await tracing.shutdown();`;
  const env = { TRACEPARENT, TRACESTATE: '', BAGGAGE: '', OTEL_TRACES_EXPORTER: '', ...variables };
  const { code, stdout, stderr } = await ended(start({ source, folder: folderOf(t) }, [], { env }));
  t.is(code, 0, stderr);
  const lines = stderr.trim().split('\n');
  return {
    ids: lines.map((line) => (JSON.parse(line) as { trace_id?: string }).trace_id),
    children: JSON.parse(stdout) as string[],
  };
}

test('a program that a traced one starts continues its trace, even if it exports nothing', async (t) => {
  const { ids, children } = await started(t, '');
  t.deepEqual(ids, [traceId, undefined]);
  t.deepEqual(children, [TRACEPARENT, TRACEPARENT]);
});

test('environmentContext: false starts a trace of its own, and passes that on', async (t) => {
  const { ids, children } = await started(
    t,
    'opentelemetry: { environmentContext: false, spanProcessors: [] }',
  );
  t.false(ids.includes(traceId));
  t.false(ids.includes(undefined));
  t.is(children[1], TRACEPARENT);
  t.not(children[0]?.slice(0, 35), TRACEPARENT.slice(0, 35));
});

test('where nothing is to be propagated, nothing is said and nothing taken from the environment', async (t) => {
  const { ids, children } = await started(t, '', { OTEL_PROPAGATORS: 'none' });
  t.deepEqual(ids, [undefined, undefined]);
  t.deepEqual(children, [TRACEPARENT, TRACEPARENT]);
});

test('environmentContext is true or false', async (t) => {
  const opentelemetry = { environmentContext: 'no' as never };
  await t.throwsAsync(initializeTracing({ opentelemetry }), {
    message: /opentelemetry\.environmentContext must be true or false/,
  });
});
