import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { FilterError, LayerError, messageOf, NotAPoolFileError, OptionError } from '../src/errors.ts';
import { answerText } from '../src/opentelemetry/export/answer-text.ts';
import { readOtlpSettings } from '../src/opentelemetry/export/otlp-settings.ts';
import { processorTime } from './helpers/processor-time.ts';
import { TYPESCRIPT } from './helpers/programs.ts';

/** What a terminal would obey: an escape, its 8-bit form, a title, a direction, line breaks. */
const ESCAPES = '\u001b[2J\u009b31m\u001b]0;title\u0007\u202e\u2066\u2028\r\n\0';
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

const ENDPOINTS = [
  'ftp://alice:TOPSECRET@collector',
  'http//alice:TOPSECRET@collector',
  'http:\\\\alice:TOPSECRET@[',
  'alice:TOPSECRET@collector:4318',
  'TOPSECRET@collector',
  'ftp://collector/v1?api-key=TOPSECRET',
  'collector:4318?TOPSECRET',
  'ftp://collector/#access_token=TOPSECRET',
  'ftp://a:b@TOPSECRET@collector',
];

for (const endpoint of ENDPOINTS) {
  test(`what is wrong with the endpoint ${JSON.stringify(endpoint)} is said without its secrets`, (t) => {
    const name = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
    const { message } = t.throws(() => readOtlpSettings({ [name]: endpoint }), { instanceOf: OptionError });
    t.true(message.startsWith(`${name} must be a URL of http or https, not "`), message);
    t.false(message.includes('TOPSECRET'), message);
  });
}

test('an endpoint without secrets is shown as it was given', (t) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318/x' };
  const message = 'OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of http or https, not "collector:4318/x"';
  t.throws(() => readOtlpSettings(env), { message });
});

test('headers and keys are not shown at all', (t) => {
  t.throws(() => readOtlpSettings({ OTEL_EXPORTER_OTLP_HEADERS: 'TOPSECRET' }), {
    message: 'OTEL_EXPORTER_OTLP_HEADERS must be a list of name=value, not "…"',
  });
  const key = '-----BEGIN PRIVATE KEY-----\nTOPSECRET\n';
  t.throws(() => readOtlpSettings({ OTEL_EXPORTER_OTLP_CLIENT_KEY: key }), {
    message: 'OTEL_EXPORTER_OTLP_CLIENT_KEY must be the path of a file, not "…"',
  });
});

test('what a collector echoes of a request is shown without what authenticates it', (t) => {
  const basic = Buffer.from('alice:TOPSECRET').toString('base64');
  const headers = {
    authorization: 'Bearer TOPSECRET',
    'x-api-key': 'ANOTHER/SECRET=',
    other: `Basic ${basic}`,
  };
  const url = new URL('https://user:PASS%40WORD@collector/v1?key=QUERYSECRET');
  const echoes = [
    'bad header Authorization: Bearer TOPSECRET',
    '{"headers":{"authorization":"Bearer TOPSECRET"},"error":"no such tenant"}',
    'token TOPSECRET is no good',
    'got TOPSECRET and ANOTHER/SECRET= and ANOTHER%2FSECRET%3D',
    `x ${Buffer.from('TOPSECRET').toString('base64')} y`,
    `user alice:TOPSECRET, ${basic}`,
    'user:PASS@WORD and PASS%40WORD may not',
    'GET /v1?key=QUERYSECRET',
    'Authorization: Basic TOPSECRET2TOPSECRET',
    `${'x'.repeat(195)}TOPSECRET`,
  ];
  for (const echo of echoes) {
    const text = answerText(echo, { headers, url });
    t.notRegex(text, /SECRET|WORD|QUERY/, echo);
  }
  t.is(answerText('no such tenant: demo=1', { headers, url }), 'no such tenant: demo=1');
  const began = processorTime();
  t.is(answerText('a'.repeat(64 * 1024), { headers, url }).length, 200);
  t.true(processorTime() - began < 2000);
});

const ANSWERS: Record<string, (authorization: string) => [status: number, body: string]> = {
  'echoes the request': (authorization) => [400, `bad header ${authorization} ${'y'.repeat(50_000)}`],
  'takes a part only': (authorization) => [
    200,
    JSON.stringify({
      partialSuccess: { rejectedSpans: 1, errorMessage: `${ESCAPES}${authorization} ${'y'.repeat(50_000)}` },
    }),
  ],
};

for (const [how, answer] of Object.entries(ANSWERS)) {
  test(`a collector that ${how} shows neither secrets nor escapes in our lines`, async (t) => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        const [status, body] = answer(String(request.headers.authorization));
        response.writeHead(status).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const index = new URL('../src/index.ts', import.meta.url).href;
    const program = `import { initializeTracing, inSpan } from ${JSON.stringify(index)};
      const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: {} });
      inSpan('work', () => {});
      await tracing.shutdown();`;
    const run = spawn(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', program], {
      env: {
        ...process.env,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer TOPSECRET',
      },
    });
    const stderr = await text(run.stderr);
    t.regex(stderr, /^kvp-tracing: .*the collector (answered 400|refused spans)/m);
    t.false(stderr.includes('TOPSECRET'), stderr);
    for (const line of stderr.trimEnd().split('\n')) {
      t.notRegex(line, HARMFUL);
      t.true(line.length < 1200);
    }
  });
}

test('problems of every kind are one line that a terminal can show, of bounded length', (t) => {
  const long = `${ESCAPES}${'z'.repeat(50_000)}`;
  const problems = [
    new LayerError(`X threw: ${long}`),
    new NotAPoolFileError('ERR_KVP_NOT_A_POOL_FILE', `${long} is a folder`, { path: long }),
    new OptionError('kvp.format', long, "'diag'"),
    new OptionError('kvp.format', '\u009b\u202e', "'diag'"),
    new FilterError(long, long),
    new OptionError('x', 1, '2').within(long),
  ];
  for (const { message } of problems) {
    t.notRegex(message, HARMFUL);
    t.true(message.length < 5000, `${message.length}`);
  }
  for (const thrown of [new Error(long), long, { toString: () => long }]) {
    const message = messageOf(thrown);
    t.notRegex(message, HARMFUL);
    t.true(message.length < 5000);
    t.is(messageOf(message), message, 'once more changes nothing');
  }
});

test('lines of the package on stderr show no escapes of a layer, a filter or a program', (t) => {
  const index = new URL('../src/index.ts', import.meta.url).href;
  const program = `import { initializeTracing, info } from ${JSON.stringify(index)};
    const text = ${JSON.stringify(ESCAPES)} + 'q'.repeat(50_000);
    const layers = [{ name: text, onEvent() { throw new Error(text); } }, { onEvent() { throw text; } }];
    const tracing = await initializeTracing({ kvp: false, stderr: false, layers });
    info('hi');
    await tracing.shutdown();`;
  const { stderr } = spawnSync(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, AZURE_INIT_LOG: '[\u001b[2J\u009b' },
  });
  const lines = stderr.trimEnd().split('\n');
  t.is(lines.length, 3, stderr);
  for (const line of lines) {
    t.true(line.startsWith('kvp-tracing: '));
    t.notRegex(line, HARMFUL);
    t.true(line.length < 5000);
  }
});
