import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { propagation, type Tracer } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import { readOtlpSettings } from '../src/opentelemetry/export/otlp-settings.ts';
import { createProvider, type ProviderOptions } from '../src/opentelemetry/export/own-provider.ts';
import { otlpTarget } from '../src/opentelemetry/replay/otlp-target.ts';
import { folderOf } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';

/** What an own provider exports of what `act` does while the environment has these variables, and its problems. */
async function exported(
  t: ExecutionContext,
  env: NodeJS.ProcessEnv,
  act: (tracer: Tracer) => void,
  options: ProviderOptions = {},
): Promise<{ spans: ReadableSpan[]; problems: string[] }> {
  const names = Object.keys(env);
  // The SDK reads those of the process.
  Object.assign(process.env, env);
  t.teardown(() => names.forEach((name) => delete process.env[name]));
  const exporter = new InMemorySpanExporter();
  const problems: string[] = [];
  const onProblem = ({ message }: Error) => void problems.push(message);
  const provider = await createProvider({ exporter, onProblem, ...options });
  act(provider?.getTracer('t') as Tracer);
  await provider?.forceFlush();
  const spans = [...exporter.getFinishedSpans()];
  await provider?.shutdown();
  return { spans, problems };
}

test.serial('limits cut attributes, events and links', async (t) => {
  const { spans } = await exported(
    t,
    {
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '2',
      OTEL_SPAN_EVENT_COUNT_LIMIT: '1',
      OTEL_SPAN_LINK_COUNT_LIMIT: '1',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '3',
    },
    (tracer) => {
      const span = tracer.startSpan('s', { attributes: { a: 'abcdef', b: 2, c: 3 } });
      const link = { context: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 } };
      span.addEvent('one').addEvent('two').addLink(link).addLink(link).end();
    },
  );
  t.deepEqual(spans[0]?.attributes, { a: 'abc', b: 2 });
  t.deepEqual([spans[0]?.events.length, spans[0]?.links.length], [1, 1]);
});

test.serial('the sampler is that of the environment, a wrong one is said and passed over', async (t) => {
  const one = (tracer: Tracer) => tracer.startSpan('s').end();
  const sampled = async (OTEL_TRACES_SAMPLER: string, OTEL_TRACES_SAMPLER_ARG = '') =>
    exported(t, { OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }, one);
  t.is((await sampled('always_off')).spans.length, 0);
  t.is((await sampled('parentbased_traceidratio', '0')).spans.length, 0);
  t.is((await sampled('traceidratio', '1')).spans.length, 1);
  const { spans, problems } = await sampled('sometimes');
  t.is(spans.length, 1);
  t.is(problems.length, 1);
  t.regex(
    problems[0] ?? '',
    /^OTEL_TRACES_SAMPLER must be one of always_on, .*, not "sometimes"; it is ignored$/,
  );
});

test.serial('the propagators are those of the environment', async (t) => {
  const fields = async (OTEL_PROPAGATORS: string) => {
    let fields: string[] = [];
    const { problems } = await exported(t, { OTEL_PROPAGATORS }, () => (fields = propagation.fields()));
    return [fields, problems.length];
  };
  t.deepEqual(await fields(''), [['traceparent', 'tracestate', 'baggage'], 0]);
  t.deepEqual(await fields('baggage'), [['baggage'], 0]);
  t.deepEqual(await fields('none'), [[], 0]);
  t.deepEqual(await fields('tracecontext, b3'), [['traceparent', 'tracestate'], 1]);
  t.deepEqual(propagation.fields(), []);
});

test.serial('the resource names the VM and Azure, unless the environment knows better', async (t) => {
  const resource = async (options: ProviderOptions, list = '') => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: list };
    const { spans } = await exported(t, env, (tracer) => tracer.startSpan('s').end(), options);
    const {
      'host.id': id,
      'cloud.provider': cloud,
      'cloud.platform': platform,
    } = spans[0]?.resource.attributes ?? {};
    return [id, cloud, platform];
  };
  t.deepEqual(await resource({ vmId: 'vm-1' }), ['vm-1', 'azure', 'azure.vm']);
  t.deepEqual(await resource({ vmId: 'vm-1' }, 'host.id=other,cloud.provider=none'), [
    'other',
    'none',
    'azure.vm',
  ]);
});

test('console prints spans', async (t) => {
  const source = `
    import { initializeTracing, inSpan } from 'kvp-tracing';
    const tracing = await initializeTracing({ kvp: { vmId: 'vm-1', path: 'pool' }, stderr: false, service: 'agent' });
    inSpan('work', () => {});
    await tracing.shutdown();`;
  const folder = folderOf(t);
  const env = { OTEL_TRACES_EXPORTER: 'console' };
  const { stdout, stderr } = await ended(
    start({ source: source.replace("'pool'", JSON.stringify(join(folder, 'pool'))), folder }, [], { env }),
  );
  t.is(stderr, '');
  t.regex(stdout, /name: 'work'/);
  t.regex(stdout, /'host.id': 'vm-1'/);
  t.regex(stdout, /'service.name': 'agent'/);
});

test('the collector is where the environment says', (t) => {
  const url = (env: NodeJS.ProcessEnv) => readOtlpSettings(env).url.href;
  t.is(url({}), 'http://localhost:4318/v1/traces');
  t.is(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.example/otlp/' }), 'https://c.example/otlp/v1/traces');
  const both = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:1/x',
  };
  t.is(url(both), 'http://b:1/x');
  t.is(readOtlpSettings({}).timeout, 5000);
  t.is(
    readOtlpSettings({ OTEL_EXPORTER_OTLP_TIMEOUT: '7', OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: ' ' }).timeout,
    7,
  );
  t.is(readOtlpSettings({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'HTTP/JSON' }).protocol, 'http/json');
});

test('certificates are read from files', (t) => {
  const file = join(folderOf(t), 'ca.pem');
  writeFileSync(file, 'certificate');
  const { tls } = readOtlpSettings({ OTEL_EXPORTER_OTLP_CERTIFICATE: file });
  t.deepEqual(tls, { ca: Buffer.from('certificate') });
  t.throws(() => readOtlpSettings({ OTEL_EXPORTER_OTLP_CLIENT_KEY: `${file}.key` }), { code: 'ENOENT' });
});

test('a value that a variable can not have is refused by name, no header is told', (t) => {
  for (const [name, value, expected] of [
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'localhost:4318',
      'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of http or https, not "localhost:4318"',
    ],
    [
      'OTEL_EXPORTER_OTLP_PROTOCOL',
      'grpc',
      'OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json, not "grpc"',
    ],
    [
      'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
      '5s',
      'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT must be a number of milliseconds over 0, not "5s"',
    ],
    [
      'OTEL_EXPORTER_OTLP_COMPRESSION',
      'zstd',
      'OTEL_EXPORTER_OTLP_COMPRESSION must be none or gzip, not "zstd"',
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'secret',
      'OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value, not "…"',
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'a=b%0d%0ac',
      'OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value, not "…"',
    ],
  ] as const) {
    t.throws(() => readOtlpSettings({ [name]: value }), { instanceOf: OptionError, message: expected });
  }
  const { headers } = readOtlpSettings({ OTEL_EXPORTER_OTLP_HEADERS: 'A=x%20y=, b=100%,__proto__=c' });
  t.deepEqual(Object.entries(headers), [
    ['a', 'x y='],
    ['b', '100%'],
    ['__proto__', 'c'],
  ]);
});

test.serial('what Object.prototype has is no variable', async (t) => {
  const polluted = { OTEL_EXPORTER_OTLP_PROTOCOL: 'none', OTEL_EXPORTER_OTLP_CERTIFICATE: '/missing' };
  Object.assign(Object.prototype, polluted);
  t.teardown(() => {
    for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
  });
  for (const env of [undefined, {}, { OTEL_EXPORTER_OTLP_TIMEOUT: '1000' }]) {
    const exporter = await otlpTarget(env);
    t.is(exporter.problem, undefined);
    exporter.close();
  }
  await t.throwsAsync(otlpTarget({ OTEL_EXPORTER_OTLP_PROTOCOL: 'none' }), { instanceOf: OptionError });
});
