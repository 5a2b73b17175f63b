import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { exportingTo, misbehaving, unreachable } from './helpers/collector.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { ended, start } from './helpers/programs.ts';
import { freePort } from './helpers/free-port.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';

const namesIn = async (request: IncomingMessage): Promise<string[]> => {
  const { resourceSpans } = JSON.parse(await text(request));
  return resourceSpans[0].scopeSpans[0].spans.map((span: { name: string }) => span.name);
};

test('what ends while there is no collector arrives once there is one, in order', async (t) => {
  if (!has(t, rotelMissing)) return;
  const port = await freePort();
  const { layer, make } = await exportingTo(t, `http://127.0.0.1:${port}`, { maxDelay: 500 });
  for (const name of ['first', 'second', 'third']) {
    let outcome = await make(2, { name, timeout: 500 });
    // A reason there is only once a try has failed.
    for (let i = 0; i < 60 && !/because/.test(outcome.problems[0]?.message ?? ''); i++) {
      outcome = await layer.flush({ timeout: 500 });
    }
    t.deepEqual([outcome.complete, outcome.dropped], [false, 0]);
    t.regex(
      outcome.problems[0]?.message ?? '',
      /^OpenTelemetry did not export within 500 ms; it still has \d spans, because connect ECONNREFUSED/,
    );
  }
  const rotel = await Rotel.start(t, port);
  const spans = await rotel.received(6);
  t.deepEqual(
    spans.map(({ name }) => name),
    ['first', 'first', 'second', 'second', 'third', 'third'],
  );
  t.deepEqual(await layer.shutdown(), { complete: true, dropped: 0, problems: [] });
  t.is(layer.stats().dropped, 0);
});

test('a shutdown without a collector counts what was not exported', async (t) => {
  const { layer, make } = await exportingTo(t, `http://127.0.0.1:${await freePort()}`);
  await make(3, { timeout: 2000 });
  const { complete, dropped, problems } = await layer.shutdown({ timeout: 700 });
  t.deepEqual([complete, dropped], [false, 3]);
  t.regex(
    problems[0]?.message ?? '',
    /did not shut down within 700 ms; it still has 3 spans, because connect/,
  );
  t.is(layer.stats().dropped, 3);
});

for (const [status, after, least] of [
  [429, () => '1', 1000],
  [503, () => new Date(Date.now() + 2500).toUTCString(), 1000],
  [504, () => new Date(0).toUTCString(), 0],
  [502, () => undefined, 0],
] as const) {
  test(`an answer ${status} is tried again, ${least === 0 ? 'soon' : 'when the collector says'}`, async (t) => {
    const times: number[] = [];
    const endpoint = await misbehaving(t, async (request, response) => {
      await text(request);
      times.push(performance.now());
      const retryAfter = after();
      const isFirst = times.length === 1;
      response
        .writeHead(isFirst ? status : 200, { ...(retryAfter && { 'retry-after': retryAfter }) })
        .end('{}');
    });
    const { layer, make } = await exportingTo(t, endpoint);
    t.true((await make(2)).complete);
    t.is(times.length, 2);
    const waited = (times[1] as number) - (times[0] as number);
    t.true(waited >= least && waited < 8000, `${waited} ms`);
    t.is(layer.stats().dropped, 0);
  });
}

test('what a collector refuses is counted and not sent again', async (t) => {
  let requests = 0;
  const endpoint = await misbehaving(t, async (request, response) => {
    await text(request);
    requests++;
    response.writeHead(400).end('{"partialSuccess":{"rejectedSpans":"1"},"message":"no such tenant"}');
  });
  const { layer, make, problems } = await exportingTo(t, endpoint);
  const { complete, dropped } = await make(3);
  t.deepEqual([complete, dropped, requests], [false, 3, 1]);
  t.regex(problems[0]?.message ?? '', /could not export: the collector answered 400 .*no such tenant/);
  const again = await layer.flush();
  t.deepEqual([again.complete, again.dropped, requests], [true, 3, 1]);
});

test('pauses between tries grow', async (t) => {
  const times: number[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    await text(request);
    times.push(performance.now());
    response.writeHead(times.length <= 6 ? 503 : 200).end('{}');
  });
  const { make } = await exportingTo(t, endpoint, { minDelay: 20, maxDelay: 10_000 });
  t.true((await make(1)).complete);
  t.is(times.length, 7);
  // The sixth pause is 640 ms, of which a random part, at most half, is left out.
  t.true((times[6] as number) - (times[5] as number) >= 310, `${times}`);
});

test('what is too much for one request is split', async (t) => {
  const sizes: number[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    sizes.push((await text(request)).length);
    response.end('{}');
  });
  const { layer, make } = await exportingTo(t, endpoint);
  const { complete, dropped } = await make(400, { message: 'm'.repeat(4000) });
  t.deepEqual([complete, dropped, layer.stats().dropped], [true, 0, 0]);
  t.true(sizes.length > 1 && Math.max(...sizes) <= 1024 * 1024, `${sizes}`);
  t.true(Math.min(...sizes) > 256 * 1024, `no more often than it must be: ${sizes}`);
});

test('what a collector remarks while it takes everything is no loss', async (t) => {
  const endpoint = await misbehaving(t, async (request, response) => {
    await text(request);
    response.end('{"partialSuccess":{"rejectedSpans":"0","errorMessage":"use another endpoint"}}');
  });
  const { layer, make } = await exportingTo(t, endpoint);
  t.deepEqual(await make(2), { complete: true, dropped: 0, problems: [] });
  t.is(layer.stats().dropped, 0);
});

test('a connection is kept for the next request, and closed by a shutdown', async (t) => {
  const sockets = new Set<IncomingMessage['socket']>();
  const endpoint = await misbehaving(t, async (request, response) => {
    sockets.add(request.socket);
    await text(request);
    response.end('{}');
  });
  const { layer, make } = await exportingTo(t, endpoint);
  await make(1);
  await make(1);
  const [socket] = [...sockets];
  t.deepEqual([sockets.size, socket?.destroyed], [1, false]);
  const closed = once(socket as IncomingMessage['socket'], 'close');
  t.true((await layer.shutdown()).complete);
  await closed;
});

test('what a collector takes in part is counted in part', async (t) => {
  const endpoint = await misbehaving(t, async (request, response) => {
    await text(request);
    response.end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}');
  });
  const { layer, make, problems } = await exportingTo(t, endpoint);
  t.is((await make(5)).dropped, 2);
  t.is(problems[0]?.message, 'OpenTelemetry could not export: the collector refused spans: too old');
  t.is((await layer.shutdown()).dropped, 2);
});

test('a collector that does not answer in time is asked again', async (t) => {
  const names: string[][] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    names.push(await namesIn(request));
    if (names.length > 2) response.end('{}');
  });
  const { layer, make } = await exportingTo(t, endpoint, {}, { OTEL_EXPORTER_OTLP_TIMEOUT: '700' });
  t.true((await make(1, { name: 'patient' })).complete);
  t.true(names.length > 2);
  t.true(names.every((each) => each.join() === 'patient'));
  t.is(layer.stats().dropped, 0);
});

test('a collector that breaks off, or answers without end, harms nothing', async (t) => {
  let requests = 0;
  const endpoint = await misbehaving(t, async (request, response) => {
    await text(request);
    requests++;
    if (requests === 1) request.socket.destroy();
    else if (requests === 2)
      response.writeHead(200, { 'content-length': 10 }).write('{', () => request.socket.destroy());
    else {
      const pour = () =>
        void (response.write('x'.repeat(65_536)) ? setImmediate(pour) : response.once('drain', pour));
      pour();
    }
  });
  const { layer, make } = await exportingTo(t, endpoint);
  t.true((await make(1)).complete);
  t.is(layer.stats().dropped, 0);
});

for (const host of ['127.0.0.1', 'localhost']) {
  test(`a connection to ${host} that is never made is given up long before a slow answer is`, async (t) => {
    const endpoint = (await unreachable(t)).replace('127.0.0.1', host);
    const { layer, make } = await exportingTo(t, endpoint, {}, { OTEL_EXPORTER_OTLP_TIMEOUT: '600000' });
    // A reason there is only once a try has failed.
    for (let i = 0; i < 60; i++) {
      const { problems } = await make(1, { timeout: 500 });
      if (/because the collector could not be reached within 2000 ms/.test(problems[0]?.message ?? '')) break;
      t.not(i, 59, problems[0]?.message ?? 'no problem');
    }
    await layer.shutdown({ timeout: 0 });
  });
}

test('what waits has bounds in memory and in time', async (t) => {
  const endpoint = `http://127.0.0.1:${await freePort()}`;
  const small = await exportingTo(t, endpoint, { maxBytes: 4096 });
  for (let round = 0; round < 20; round++) await small.make(1, { timeout: 10 });
  const { dropped } = small.layer.stats();
  t.true(dropped > 5 && dropped < 20, `${dropped}`);
  const brief = await exportingTo(t, endpoint, { maxAge: 60 });
  const outcome = await brief.make(2);
  t.deepEqual([outcome.complete, outcome.dropped], [false, 2]);
  t.regex(
    brief.problems[0]?.message ?? '',
    /could not export: spans waited for over 60 ms: connect ECONNREFUSED/,
  );
});

test('requests are compressed and have headers as the environment says', async (t) => {
  const seen: IncomingMessage[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    seen.push(request);
    request.resume();
    await once(request, 'end');
    response.end();
  });
  const { make } = await exportingTo(
    t,
    `${endpoint}/`,
    {},
    {
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, both=general',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'both=traces',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    },
  );
  t.true((await make(1)).complete);
  t.is(seen[0]?.url, '/v1/traces');
  t.like(seen[0]?.headers, {
    authorization: 'Bearer x',
    both: 'traces',
    'content-encoding': 'gzip',
    'content-type': 'application/json',
  });
});

/** A program that traces, with a collector that never gives in within a minute, and says when it is done. */
const PROGRAM = `
  import { initializeTracing, inSpan } from 'kvp-tracing';
  const tracing = await initializeTracing({ kvp: false, stderr: false, opentelemetry: { queue: { minDelay: 60_000 } } });
  for (let i = 0; i < 600; i++) inSpan('work', { fields: { text: 'x'.repeat(10_000) } }, () => {});
  process.on('exit', () => console.log(performance.now() - done < 20_000 ? 'at once' : 'late'));
  let done = Infinity;
  END
  done = performance.now();
`;

const SHUTDOWN = `
  const { complete, dropped } = await tracing.shutdown({ timeout: 300 });
  console.log(complete, dropped, tracing.stats().OpenTelemetryLayer.dropped);`;

for (const [how, listener] of [
  ['refuses connections', undefined],
  ['never answers', () => {}],
  ['never reads', (request: IncomingMessage) => void request.pause()],
  [
    'answers by halves',
    (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write('{'),
  ],
  [
    'is busy for an hour',
    (_: IncomingMessage, response: ServerResponse) =>
      void response.writeHead(503, { 'retry-after': '3600' }).end(),
  ],
] as const) {
  test(`a program whose collector ${how} ends at once after its shutdown`, async (t) => {
    const endpoint =
      listener === undefined ? `http://127.0.0.1:${await freePort()}` : await misbehaving(t, listener);
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: '60000' };
    const source = PROGRAM.replace('END', SHUTDOWN);
    const { code, stdout, stderr } = await ended(start({ source, folder: folderOf(t) }, [], { env }));
    t.is(code, 0, stderr);
    t.is(stdout, 'false 600 600\nat once\n');
    t.regex(stderr, /did not shut down within 300 ms; it still has 600 spans/);
    t.notRegex(stderr, /unhandled|TypeError/i);
  });
}

test('a program that exits without a shutdown says what it did not export', async (t) => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
  const source = PROGRAM.replace('END', 'process.exit(3);');
  const { code, stderr } = await ended(start({ source, folder: folderOf(t) }, [], { env }));
  t.is(code, 3);
  t.regex(stderr, /OpenTelemetry did not export 600 spans/);
});

test('a program that just ends exports first', async (t) => {
  const names: string[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    names.push(...(await namesIn(request)));
    response.end();
  });
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
  const source = PROGRAM.replace('END', '');
  const { code, stdout, stderr } = await ended(start({ source, folder: folderOf(t) }, [], { env }));
  t.deepEqual([code, stdout, stderr], [0, 'at once\n', '']);
  t.is(names.length, 600);
});
