import dns from 'node:dns';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { OtlpExporter } from '../src/opentelemetry/export/otlp-exporter.ts';
import { readOtlpSettings } from '../src/opentelemetry/export/otlp-settings.ts';
import { VERSION } from '../src/version.ts';
import { misbehaving } from './helpers/collector.ts';

type Serializers = Awaited<ReturnType<ConstructorParameters<typeof OtlpExporter>[1]>>;

/** Spans are texts, a body is their lines. */
const LINES = {
  serializeRequest(spans: string[]): Uint8Array | undefined {
    if (spans.includes('none')) return undefined;
    if (spans.includes('throws')) throw new Error('not told');
    return Buffer.from(spans.join('\n'));
  },
  deserializeResponse: (answer: Uint8Array): unknown => JSON.parse(Buffer.from(answer).toString()),
};

/** An exporter to this endpoint, and what it was told to count. */
function exporterTo(
  t: ExecutionContext,
  endpoint: string,
  env: NodeJS.ProcessEnv = {},
  load: () => Promise<unknown> = async () => ({ JsonTraceSerializer: LINES, ProtobufTraceSerializer: LINES }),
) {
  const counts = { taken: 0, exported: 0, failed: 0 };
  const settings = readOtlpSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
    ...env,
  });
  const exporter = new OtlpExporter(
    settings,
    load as () => Promise<Serializers>,
    () => http,
    {
      taken: (spans) => (counts.taken += spans),
      exported: (spans) => (counts.exported += spans),
      failed: (spans) => (counts.failed += spans),
    },
    { minDelay: 20, maxDelay: 50 },
  );
  t.teardown(() => exporter.close());
  const queued = (spans: string[]): Promise<{ code: number; error?: Error }> =>
    new Promise((resolve) => exporter.export(spans as never[], resolve));
  return { exporter, counts, queued };
}

/** A collector that answers each request in turn, and then with an empty object; what it was sent. */
async function collector(
  t: ExecutionContext,
  ...answers: ((response: ServerResponse, request: IncomingMessage) => unknown)[]
) {
  const requests: { headers: IncomingMessage['headers']; body: Buffer; socket: unknown }[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    const body = await buffer(request);
    requests.push({ headers: request.headers, body, socket: request.socket });
    const answer = answers.shift() ?? ((each: ServerResponse) => each.end('{}'));
    await answer(response, request);
  });
  return { endpoint, requests };
}

for (const [status, becomes] of [
  [200, 'exported'],
  [202, 'exported'],
  [204, 'exported'],
  [299, 'exported'],
  [300, 'refused'],
  [302, 'refused'],
  [400, 'refused'],
  [401, 'refused'],
  [408, 'refused'],
  [413, 'refused'],
  [500, 'refused'],
  [501, 'refused'],
  [505, 'refused'],
  [429, 'sent again'],
  [502, 'sent again'],
  [503, 'sent again'],
  [504, 'sent again'],
] as const) {
  test(`what a collector answers with ${status} is ${becomes}`, async (t) => {
    const { endpoint, requests } = await collector(t, (response) => response.writeHead(status).end());
    const { exporter, counts, queued } = exporterTo(t, endpoint);
    t.deepEqual(await queued(['a', 'b', 'c']), { code: 0 });
    if (becomes !== 'refused') await exporter.forceFlush();
    else await t.throwsAsync(exporter.forceFlush(), { message: `the collector answered ${status}` });
    const lost = becomes === 'refused' ? 3 : 0;
    t.deepEqual(counts, { taken: 3, exported: 3 - lost, failed: lost });
    t.is(requests.length, becomes === 'sent again' ? 2 : 1);
    t.is(`${requests.at(-1)?.body}`, 'a\nb\nc');
  });
}

test('a request says what it is, by whom, and how long', async (t) => {
  const { endpoint, requests } = await collector(t);
  for (const [protocol, type] of [
    ['http/protobuf', 'application/x-protobuf'],
    ['http/json', 'application/json'],
  ]) {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    const { exporter, queued } = exporterTo(t, endpoint, env);
    await queued(['a']);
    await exporter.forceFlush();
    const { headers } = requests.pop() ?? {};
    t.like(headers, {
      'content-type': type,
      'content-length': '1',
      'user-agent': `kvp-tracing/${VERSION}`,
      'content-encoding': undefined,
    });
  }
  const { exporter, queued } = exporterTo(t, endpoint, {
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_HEADERS: 'user-agent=mine,content-type=theirs',
  });
  await queued(['a'.repeat(1000)]);
  await exporter.forceFlush();
  const { headers, body } = requests.pop() ?? {};
  t.like(headers, {
    'content-encoding': 'gzip',
    'content-type': 'application/x-protobuf',
    'user-agent': 'mine',
  });
  t.is(gunzipSync(body as Buffer).toString(), 'a'.repeat(1000));
});

test('an answer is read up to 64 KiB, of a longer one the status alone counts', async (t) => {
  const refusal = (bytes: number): string => {
    const partialSuccess = { rejectedSpans: '2', errorMessage: 'old' };
    const { length } = JSON.stringify({ partialSuccess, more: '' });
    return JSON.stringify({ partialSuccess, more: 'x'.repeat(bytes - length) });
  };
  const ends: unknown[] = [];
  const { endpoint } = await collector(
    t,
    (response) => response.end(refusal(64 * 1024)),
    (response) => response.end(refusal(300_000)),
    (response) => {
      // Without end: it is the exporter that breaks off.
      response.write(refusal(300_000).slice(0, -1));
      ends.push(once(response, 'close'));
    },
  );
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  await queued(['a', 'b', 'c']);
  await t.throwsAsync(exporter.forceFlush(), { message: 'the collector refused spans: old' });
  t.deepEqual(counts, { taken: 3, exported: 1, failed: 2 });
  for (const exported of [4, 7]) {
    await queued(['a', 'b', 'c']);
    await exporter.forceFlush();
    t.like(counts, { exported, failed: 2 });
  }
  await Promise.all(ends);
});

test('what a collector says of refused spans is told, and that it says nothing', async (t) => {
  const partial = (partialSuccess: unknown) => (response: ServerResponse) =>
    response.end(JSON.stringify({ partialSuccess }));
  const { endpoint } = await collector(
    t,
    partial({ rejectedSpans: 1 }),
    partial({ rejectedSpans: '1', errorMessage: 'too old' }),
    partial({ rejectedSpans: 0, errorMessage: 'a remark' }),
    partial({ errorMessage: 'a remark' }),
    partial({ rejectedSpans: -1 }),
    partial(null),
  );
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  for (const why of ['it does not say why', 'too old']) {
    await queued(['a', 'b']);
    await t.throwsAsync(exporter.forceFlush(), { message: `the collector refused spans: ${why}` });
  }
  for (let i = 0; i < 5; i++) await queued(['a', 'b']);
  await exporter.forceFlush();
  t.deepEqual(counts, { taken: 14, exported: 12, failed: 2 });
});

test('an answer that is slow is waited for, on a connection that is new and on one that is kept', async (t) => {
  // Longer than a connection may take.
  const slowly = async (response: ServerResponse) => {
    await new Promise((resolve) => setTimeout(resolve, 2300));
    response.end('{}');
  };
  const { endpoint, requests } = await collector(t, slowly, slowly);
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  for (const exported of [1, 2]) {
    await queued(['a']);
    await exporter.forceFlush();
    t.like(counts, { exported, failed: 0 });
  }
  t.is(requests.length, 2, 'none was sent again');
  t.is(requests[0]?.socket, requests[1]?.socket);
});

test.serial('a name that takes long to resolve does not count as a connection that does', async (t) => {
  const { lookup } = dns;
  t.teardown(() => (dns.lookup = lookup));
  // Longer than a connection may take.
  dns.lookup = ((...given: Parameters<typeof lookup>) =>
    setTimeout(() => lookup(...given), 2300)) as unknown as typeof lookup;
  const { endpoint, requests } = await collector(t);
  const named = new URL(endpoint);
  named.hostname = 'localhost';
  const { exporter, counts, queued } = exporterTo(t, named.href);
  await queued(['a']);
  await exporter.forceFlush();
  t.deepEqual(counts, { taken: 1, exported: 1, failed: 0 });
  t.is(requests.length, 1);
  t.is(exporter.obstacle, undefined);
});

test('a connection that ends without a word of an answer is one to try again', async (t) => {
  const { endpoint, requests } = await collector(
    t,
    (response) =>
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n'),
    (response) => response.socket?.end(),
    (response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n'),
    (response) => (response.socket as Socket).resetAndDestroy(),
  );
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  await queued(['a']);
  await exporter.forceFlush();
  t.is(requests.length, 5);
  t.deepEqual(counts, { taken: 1, exported: 1, failed: 0 });
  t.is(exporter.obstacle, undefined);
});

test('the obstacle says why the last request is to be sent again', async (t) => {
  const { endpoint, requests } = await collector(t, (response) =>
    response.writeHead(503).end('busy\nand more'),
  );
  const { exporter, queued } = exporterTo(t, endpoint);
  await queued(['a']);
  while (exporter.obstacle === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  t.is(exporter.obstacle.message, 'the collector answered 503 busy');
  await exporter.forceFlush();
  t.is(requests.length, 2);
  t.true(exporter.obstacle === undefined);
});

test('what is over a mebibyte is sent in halves, a span that is larger alone', async (t) => {
  const { endpoint, requests } = await collector(t);
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  const mebibyte = 1024 * 1024;
  await queued(['a'.repeat(mebibyte)]);
  await queued(['b'.repeat(mebibyte - 2), 'c']);
  await queued(['d'.repeat(mebibyte - 1), 'e']);
  await queued(['f'.repeat(2 * mebibyte), 'g', 'h']);
  await exporter.forceFlush();
  const sizes = requests.map(({ body }) => body.length);
  t.deepEqual(sizes, [mebibyte, mebibyte, mebibyte - 1, 1, 2 * mebibyte, 3]);
  t.deepEqual(counts, { taken: 8, exported: 8, failed: 0 });
});

test('spans that can not be told are counted, and the others of a large batch are sent', async (t) => {
  const { endpoint, requests } = await collector(t);
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  for (const wrong of ['throws', 'none']) {
    const { code, error } = await queued([wrong, 'a', 'b']);
    t.is(code, 1);
    t.is(error?.message, '3 spans could not be told in OTLP');
  }
  t.deepEqual(counts, { taken: 6, exported: 0, failed: 6 });
  await exporter.forceFlush();
  t.is(requests.length, 0);
  // Only in halves it is found out.
  const parts = { ...LINES, serializeRequest: (spans: string[]) => halves(spans) };
  const halves = (spans: string[]): Uint8Array | undefined =>
    spans.length > 4 ? Buffer.alloc(1024 * 1024 + 1) : LINES.serializeRequest(spans);
  const other = exporterTo(t, endpoint, {}, async () => ({ ProtobufTraceSerializer: parts }));
  const one = await other.queued(['a', 'b', 'none', 'd', 'e', 'f', 'g', 'h']);
  t.is(one.error?.message, '4 spans could not be told in OTLP');
  const both = await other.queued(['none', 'b', 'c', 'd', 'e', 'f', 'throws']);
  t.is(both.error?.message, '7 spans could not be told in OTLP');
  await other.exporter.forceFlush();
  t.deepEqual(other.counts, { taken: 15, exported: 4, failed: 11 });
});

test('where the package of OTLP can not be loaded each export says so', async (t) => {
  const { endpoint, requests } = await collector(t);
  const broken = () => Promise.reject(new Error('syntax'));
  const { exporter, counts, queued } = exporterTo(t, endpoint, {}, broken);
  // No rejection is left to nobody meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let i = 0; i < 2; i++) t.like(await queued(['a', 'b']), { code: 1, error: { message: 'syntax' } });
  t.deepEqual(counts, { taken: 4, exported: 0, failed: 4 });
  await exporter.shutdown();
  t.is(requests.length, 0);
});

test('a shutdown sends what waits, then closes what is open, and takes nothing more', async (t) => {
  const { endpoint, requests } = await collector(t);
  const { exporter, counts, queued } = exporterTo(t, endpoint);
  await queued(['a']);
  await exporter.shutdown();
  t.deepEqual(counts, { taken: 1, exported: 1, failed: 0 });
  const socket = requests[0]?.socket as IncomingMessage['socket'];
  if (!socket.destroyed) await once(socket, 'close');
  await queued(['b', 'c']);
  t.deepEqual(counts, { taken: 3, exported: 1, failed: 2 });
  await t.throwsAsync(exporter.forceFlush(), { message: 'the exporter is shut down' });
});
