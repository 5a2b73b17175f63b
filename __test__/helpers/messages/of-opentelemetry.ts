import { KvpSpanProcessor, otlpTarget, replay } from '../../../src/opentelemetry/index.ts';
import { poolOf } from '../pool-folder.ts';
import { problem, type Row, setUp, setUpTo } from './row.ts';

const EXPORTER = {
  export: (_spans: never[], done: (result: { code: number }) => void) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};
/** What a set-up that exports says of variables of the environment. */
const ofVariables =
  (env: Record<string, string>, opentelemetry: object = { exporter: EXPORTER }) =>
  () =>
    problem((onProblem) => {
      Object.assign(process.env, env);
      return setUpTo({ opentelemetry, onProblem }, () => {}).finally(() => {
        for (const name of Object.keys(env)) delete process.env[name];
      });
    });
const toCollector = (env: NodeJS.ProcessEnv) => () => otlpTarget(env);

export const OPENTELEMETRY: readonly Row[] = [
  {
    of: ofVariables({ OTEL_TRACES_SAMPLER: 'sometimes' }),
    cure: 'Give one of these texts. Everything is sampled meanwhile.',
  },
  {
    of: ofVariables({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '5' }),
    cure: 'Give the share of traces, as `0.1`.',
  },
  { of: ofVariables({ OTEL_PROPAGATORS: 'b3' }), cure: 'Register a propagator of your own for others.' },
  { of: ofVariables({ OTEL_BSP_MAX_QUEUE_SIZE: 'many' }), cure: 'Give a number.' },
  {
    of: ofVariables({ OTEL_RESOURCE_ATTRIBUTES: 'region' }),
    cure: 'Write `name=value,name=value`; others of the list count.',
  },
  { of: ofVariables({ AZURE_INIT_LOG: 'agent=loud' }), cure: 'The option holds meanwhile.' },
  { of: setUp({ kvp: false, opentelemetry: { tracer: {} } }), cure: 'Give what `getTracer()` returned.' },
  { of: toCollector({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }), cure: 'Write `http://collector:4318`.' },
  { of: toCollector({ OTEL_EXPORTER_OTLP_TIMEOUT: 'soon' }), cure: 'Give milliseconds.' },
  {
    of: toCollector({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    cure: "Take the collector's port for HTTP, 4318.",
  },
  {
    of: toCollector({ OTEL_EXPORTER_OTLP_HEADERS: 'token' }),
    cure: 'Write `authorization=Bearer …`. Values are never shown.',
  },
  {
    of: toCollector({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '-----BEGIN',
    }),
    cure: 'Write the certificate into a file, and give its path.',
  },
  {
    of: toCollector({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/dev/null',
    }),
    cure: 'The text in brackets says what is wrong with the file.',
  },
  {
    of: {
      text: `the export of spans is left out: …`,
      in: 'opentelemetry-missing.test.ts',
      has: `is left out`,
    },
    cure: 'The text behind it has the command that installs what is missing.',
  },
  {
    of: {
      text: `no OpenTelemetry SDK is installed: npm install …`,
      in: 'register.test.ts',
      has: `no OpenTelemetry SDK is installed`,
    },
    cure: 'The command installs the SDK that fits this Node.js.',
  },
  {
    of: {
      text: `OpenTelemetry did not shut down within … ms; it still has … spans, because …`,
      in: 'opentelemetry-outage.test.ts',
      has: `did not shut down within`,
    },
    cure: 'The collector is away or slow; the pool has the spans, and `kvp replay` sends them later.',
  },
  {
    of: {
      text: `OpenTelemetry did not export … spans`,
      in: 'opentelemetry-outage.test.ts',
      has: `OpenTelemetry did not export`,
    },
    cure: 'The program ended without `shutdown()`: wait for it.',
  },
  {
    of: {
      text: `OpenTelemetry misses … spans and events`,
      in: 'opentelemetry-provider.test.ts',
      has: `OpenTelemetry misses`,
    },
    cure: "The lines before say why: refused, too old, or over the queue's size.",
  },
  {
    of: {
      text: `spans waited for over … ms, because …`,
      in: 'export-queue.test.ts',
      has: `spans waited for over`,
    },
    cure: 'The collector was away for longer than `queue.maxAge`.',
  },
  {
    of: { text: `over … bytes of spans wait`, in: 'export-queue.test.ts', has: `bytes of spans wait` },
    cure: 'The collector is away; `queue.maxBytes` is full.',
  },
  {
    of: {
      text: `the collector refused spans: …`,
      in: 'otlp-exporter.test.ts',
      has: `the collector refused spans`,
    },
    cure: 'The collector says why behind it.',
  },
  {
    of: {
      text: `… spans could not be told in OTLP`,
      in: 'otlp-exporter.test.ts',
      has: `could not be told in OTLP`,
    },
    cure: 'A span has what OTLP can not say.',
  },
  {
    of: { text: 'the exporter is shut down', in: 'otlp-exporter.test.ts' },
    cure: 'Spans ended after `shutdown()`.',
  },
  {
    of: {
      text: `another context manager is registered with OpenTelemetry: other instrumentation's spans in the handlers of a server will not be children of the requests' spans`,
      in: 'bridge-propagation.test.ts',
      has: 'another context manager is registered',
    },
    cure: 'Let `initializeTracing` register the only one.',
  },
  {
    of: {
      text: 'the exporter failed and does not say why',
      in: 'replay-export.test.ts',
      has: 'does not say why',
    },
    cure: 'Have the exporter give `error`.',
  },
  {
    of: {
      text: 'the provider makes no spans; give one of an SDK',
      in: 'replay-export.test.ts',
      has: 'makes no spans',
    },
    cure: 'Give the provider that `NodeSDK` or you registered.',
  },
  { of: ofVariables({ OTEL_TRACES_EXPORTER: 'jaeger' }, {}), cure: 'Jaeger and others take OTLP.' },
  { of: (t) => replay(poolOf(t), {} as never), cure: 'Give an exporter, or `await otlpTarget()`.' },
  { of: (t) => replay(poolOf(t), { getTracer() {} } as never, { since: 5 as never }), cure: 'Give `next`.' },
  {
    of: (t) => replay(poolOf(t), { getTracer() {} } as never, { resource: { a: {} } as never }),
    cure: 'Give values that OpenTelemetry knows.',
  },
  { of: () => new KvpSpanProcessor({ filter: 5 as never }), cure: 'Give a level or a filter.' },
];
