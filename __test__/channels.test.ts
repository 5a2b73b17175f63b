import { exec, execFile, spawn } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { createServer, type RequestOptions, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import {
  type BridgeOptions,
  bridgeDiagnosticsChannels,
  EmitKVPLayer,
  LayerError,
  openPool,
  readDiagnosticsSync,
  withDefault,
} from '../src/index.ts';
import { type RedactOption, Redactor } from '../src/tracing/redactor.ts';
import { createProvider } from '../src/opentelemetry/export/own-provider.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { Registry } from '../src/tracing/registry.ts';
import type { Span } from '../src/tracing/span.ts';
import { freePort } from './helpers/free-port.ts';
import { log, setUp } from './helpers/exported-spans.ts';
import { folderOf, poolOf } from './helpers/pool-folder.ts';
import { Recorder, recording } from './helpers/recorder.ts';

// The tests run one after the other: a process has one set of channels, and each must hear only of its own.

const run = promisify(execFile);

/** A server that answers as `answer` says; its port. */
async function serve(
  t: ExecutionContext,
  answer: (path: string, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer((request, response) => answer(request.url ?? '', response)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Bridges while `act` runs, and what spans came of it. */
async function bridged<R>(options: BridgeOptions, registry: Registry, act: () => Promise<R>): Promise<R> {
  const bridge = bridgeDiagnosticsChannels(options);
  try {
    return await withDefault(registry, act);
  } finally {
    bridge();
  }
}

/** Sends a request and reads the answer to its end, or to its error. */
async function send(options: RequestOptions, body = ''): Promise<string> {
  const request = http.request({ host: '127.0.0.1', agent: false, ...options }).end(body);
  const closed = new Promise((resolve) => request.once('close', resolve));
  let text = '';
  try {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    for await (const chunk of response) text += String(chunk);
  } catch (error) {
    text = String((error as { code?: unknown }).code);
  }
  await closed;
  return text;
}

const told = (span: Span | undefined) => ({ ...span?.fields.toObject() });

test.serial('a request of node:http is a span in the current one', async (t) => {
  const port = await serve(t, (path, response) => {
    if (path === '/gone') response.statusCode = 410;
    response.end('hello');
  });
  const { recorder, registry, problems } = recording();
  await bridged({ http: true }, registry, () =>
    log.inSpan('work', async () => {
      t.is(await send({ port, path: '/metadata?api-version=1&sig=abc' }), 'hello');
      t.is(await send({ port, path: '/gone', method: 'POST' }, 'x'), 'hello');
      await send({ port, method: 'PURGE' });
    }),
  );
  const [work, get, post, purge] = recorder.spans;
  for (const span of [get, post, purge]) {
    t.is(span?.parent, work);
    t.is(span?.metadata.target, 'http');
    t.true(span?.isClosed);
  }
  t.is(get?.name, 'GET');
  t.deepEqual(told(get), {
    'otel.kind': 'client',
    'http.request.method': 'GET',
    'url.full': `http://127.0.0.1:${port}/metadata?api-version=1&sig=REDACTED`,
    'server.address': '127.0.0.1',
    'server.port': port,
    'http.response.status_code': 200,
  });
  t.false(get?.hasFailed(false));
  t.like(told(post), { 'http.response.status_code': 410, 'error.type': '410' });
  t.is(post?.statedResult, 'fail');
  t.is(purge?.name, 'HTTP');
  t.like(told(purge), { 'http.request.method': '_OTHER', 'http.request.method_original': 'PURGE' });
  t.deepEqual(problems, []);
});

test.serial('a request that fails ends its span, and fails as ever', async (t) => {
  const port = await serve(t, (path, response) => {
    if (path === '/reset') response.destroy();
    else if (path === '/cut')
      response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy());
  });
  const { recorder, registry } = recording();
  await bridged({ http: true }, registry, async () => {
    t.is(await send({ port, path: '/reset' }), 'ECONNRESET');
    t.is(await send({ port, path: '/cut' }), 'ECONNRESET');
    t.is(await send({ port: 1 }), 'ECONNREFUSED');
    t.is(await send({ port, signal: AbortSignal.abort() }), 'ABORT_ERR');
    const silent = http.request({ host: '127.0.0.1', port, agent: false });
    t.is(silent.listenerCount('error') + silent.listenerCount('response'), 0);
    silent.on('error', () => {}).end();
    silent.destroy();
    await new Promise((resolve) => silent.once('close', resolve));
  });
  // A request that never started is no request to Node.js 20.
  const [reset, cut, refused, ...aborted] = recorder.spans;
  t.is(told(reset)['error.type'], 'ECONNRESET');
  t.like(told(cut), { 'http.response.status_code': 200, 'error.type': 'aborted' });
  t.is(told(refused)['error.type'], 'ECONNREFUSED');
  t.regex(refused?.reason ?? '', /ECONNREFUSED/);
  for (const span of [...aborted, reset, cut, refused]) {
    t.true(span?.isClosed);
    t.is(span?.statedResult, 'fail');
  }
});

test.serial(
  'an upgraded connection is an answer; a socket, another Host, and a proxy are told as they are',
  async (t) => {
    const path = join(folderOf(t), 'socket');
    const server = createServer((_, response) => response.end()).listen(path);
    server.on('upgrade', (_, socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
    );
    await once(server, 'listening');
    t.teardown(() => server.close());
    const port = await serve(t, (_, response) => response.end());
    const { recorder, registry } = recording();
    await bridged({ http: true }, registry, async () => {
      const request = http
        .request({ socketPath: path, headers: { connection: 'upgrade', upgrade: 'x' } })
        .end();
      const [, socket] = (await once(request, 'upgrade')) as [unknown, import('node:net').Socket];
      socket.destroy();
      await send({ socketPath: path, path: '/v1' });
      await send({ port, headers: { host: 'vm.internal' } });
      await send({ port, path: 'http://user:pw@target:81/x' });
      await send({ host: '::1', port: 1 });
    });
    const [upgraded, socket, host, proxy, six] = recorder.spans.map(told);
    t.like(upgraded, { 'http.response.status_code': 101, 'error.type': undefined });
    t.like(socket, { 'url.full': 'http://127.0.0.1/v1', 'server.address': path, 'server.port': undefined });
    t.like(host, {
      'url.full': 'http://127.0.0.1/',
      'server.address': '127.0.0.1',
      'server.port': undefined,
    });
    t.like(proxy, { 'url.full': 'http://REDACTED:REDACTED@target:81/x', 'server.address': '127.0.0.1' });
    t.like(six, { 'url.full': 'http://[::1]:1/', 'server.address': '::1', 'server.port': 1 });
  },
);

test('credentials and secret parameters do not leave the program', (t) => {
  for (const [url, expected] of [
    ['https://u:p@h/a?b=1#c', 'https://REDACTED:REDACTED@h/a?b=1#c'],
    ['https://u@h', 'https://REDACTED@h'],
    ['https://h/@x?y=a@b', 'https://h/@x?y=a@b'],
    [
      'https://h/?SIG=1&s%69g=2&sigh=3&Signature=4',
      'https://h/?SIG=REDACTED&s%69g=REDACTED&sigh=3&Signature=REDACTED',
    ],
    [
      'https://h/?AWSAccessKeyId=1&X-Goog-Signature=2',
      'https://h/?AWSAccessKeyId=REDACTED&X-Goog-Signature=REDACTED',
    ],
    ['https://h/?token=1&%=2&password', 'https://h/?token=REDACTED&%=2&password'],
  ] as const) {
    t.is(new Redactor().redactedUrl(url), expected);
  }
});

test.serial("URLs of requests are redacted by the subscriber's own rule", async (t) => {
  const port = await serve(t, (_, response) => response.end());
  const path = '/p?pin=1&user_password=2&sig=3&a=4';
  const urlBy = async (redact: RedactOption): Promise<unknown> => {
    const recorder = new Recorder();
    const registry = new Registry({ redact }).with(recorder);
    await bridged({ http: true }, registry, () => send({ port, path }));
    return recorder.spans[0]?.fields.get('url.full');
  };
  const url = `http://127.0.0.1:${port}/p`;
  t.is(await urlBy([]), `${url}?pin=1&user_password=REDACTED&sig=REDACTED&a=4`);
  t.is(await urlBy(['pin']), `${url}?pin=REDACTED&user_password=REDACTED&sig=REDACTED&a=4`);
  t.is(await urlBy({ only: ['a'] }), `${url}?pin=1&user_password=2&sig=REDACTED&a=REDACTED`);
  t.is(await urlBy(false), `${url}?pin=1&user_password=2&sig=REDACTED&a=4`);
});

test.serial(
  'a request of fetch() is a span, and one that is under way when the bridge ends still ends',
  async (t) => {
    let arrived: (response: ServerResponse) => void;
    const slow = new Promise<ServerResponse>((resolve) => (arrived = resolve));
    const port = await serve(t, (path, response) => {
      if (path === '/slow') arrived(response);
      else if (path === '/cut')
        response.writeHead(200, { 'content-length': 9 }).write('x', () => response.destroy());
      else response.writeHead(path === '/missing' ? 404 : 200).end('hello');
    });
    const url = `http://127.0.0.1:${port}`;
    const { recorder, registry, problems } = recording();
    const bridge = bridgeDiagnosticsChannels({ undici: true });
    await withDefault(registry, () =>
      log.inSpan('work', async () => {
        t.is(await (await fetch(`${url}/a?token=x`, { method: 'POST', body: 'b' })).text(), 'hello');
        await (await fetch(`${url}/missing`)).text();
        await t.throwsAsync(fetch(`http://127.0.0.1:${await freePort()}`));
        await t.throwsAsync((await fetch(`${url}/cut`)).text());
        const text = fetch(`${url}/slow`).then((response) => response.text());
        const response = await slow;
        bridge();
        response.end('late');
        t.is(await text, 'late');
        await (await fetch(url)).text();
      }),
    );
    const [work, post, missing, refused, cut, late, ...more] = recorder.spans;
    t.deepEqual(more, []);
    t.deepEqual(told(post), {
      'otel.kind': 'client',
      'http.request.method': 'POST',
      'url.full': `${url}/a?token=REDACTED`,
      'server.address': '127.0.0.1',
      'server.port': port,
      'http.response.status_code': 200,
    });
    t.is(post?.metadata.target, 'undici');
    t.is(told(missing)['error.type'], '404');
    t.is(told(refused)['error.type'], 'ECONNREFUSED');
    t.is(told(cut)['http.response.status_code'], 200);
    for (const span of [missing, refused, cut]) t.is(span?.statedResult, 'fail');
    t.is(told(late)['http.response.status_code'], 200);
    for (const span of [post, missing, refused, cut, late]) {
      t.is(span?.parent, work);
      t.true(span?.isClosed);
    }
    t.deepEqual(problems, []);
  },
);

test.serial("a child process is a span, its arguments are nobody's business", async (t) => {
  const { recorder, registry, problems } = recording();
  await bridged({ childProcess: true }, registry, () =>
    log.inSpan('work', async () => {
      await run(process.execPath, ['-e', '0', 'secret']);
      await t.throwsAsync(run('/bin/sh', ['-c', 'exit 3']));
      await t.throwsAsync(promisify(exec)('kill -9 $$'));
      await t.throwsAsync(run('/no/such/program'), { code: 'ENOENT' });
      t.throws(() => spawn('/bin/true', ['x'.repeat(4_000_000)]), { code: 'E2BIG' });
      await turn();
      await turn();
      t.throws(() => spawn('', []));
    }),
  );
  const [work, node, failing, killed, missing, tooLong, ...more] = recorder.spans;
  t.deepEqual(more, []);
  const { 'process.pid': pid, ...rest } = told(node);
  t.is(typeof pid, 'number');
  t.deepEqual(rest, { 'otel.kind': 'client', 'process.executable.name': 'node', 'process.exit.code': 0 });
  t.is(node?.name, 'node');
  t.is(node?.metadata.target, 'child_process');
  t.false(node?.hasFailed(false));
  t.like(told(failing), { 'process.exit.code': 3, 'error.type': '3' });
  t.is(killed?.name, 'sh');
  t.like(told(killed), { 'error.type': 'SIGKILL', 'process.exit.code': undefined });
  t.like(told(missing), { 'process.executable.name': 'program', 'error.type': 'ENOENT' });
  t.like(told(tooLong), { 'process.executable.name': 'true', 'process.pid': undefined });
  for (const span of [failing, killed, missing, tooLong]) t.is(span?.statedResult, 'fail');
  for (const span of recorder.spans) t.true(span.isClosed, span.name);
  for (const span of [node, failing, killed, missing, tooLong]) t.is(span?.parent, work);
  t.notRegex(recorder.spans.map((span) => JSON.stringify(told(span))).join(), /secret|exit 3/);
  t.deepEqual(problems, []);
});

test.serial('they reach the pool and OpenTelemetry as any span', async (t) => {
  const path = poolOf(t);
  const port = await serve(t, (_, response) => response.writeHead(500).end());
  const { registry, named } = setUp();
  registry.with(new EmitKVPLayer({ path, vmId: 'vm', durability: 'write-through' }));
  await bridged({ http: true, childProcess: true }, registry, () =>
    log.inSpan('provision', async () => {
      await send({ port });
      await run('/bin/true');
    }),
  );
  await registry.flush();
  const { diagnostics } = readDiagnosticsSync(path);
  const finish = (name: string) => diagnostics.find((one) => one.name === name && one.kind === 'finish');
  t.like(finish('GET'), { result: 'fail', traceId: named('provision').spanContext().traceId });
  t.is(finish('true')?.result, 'success');
  t.is(named('GET').kind, SpanKind.CLIENT);
  t.is(named('GET').status.code, SpanStatusCode.ERROR);
  t.is(named('true').status.code, SpanStatusCode.UNSET);
  t.is(named('true').parentSpanContext?.spanId, named('provision').spanContext().spanId);
  await registry.shutdown();
});

test.serial('what is suppressed, our own exporter, and our own processes make no span', async (t) => {
  const received: string[] = [];
  const port = await serve(t, (path, response) => {
    received.push(path);
    response.end('{}');
  });
  const url = `http://127.0.0.1:${port}/v1/traces`;
  const provider = await createProvider({}, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url });
  const { recorder, registry } = recording();
  const exporting = new Registry().with(new OpenTelemetryLayer(provider && { provider })).with(recorder);
  await bridged({ http: true, undici: true, childProcess: true }, exporting, async () => {
    log.inSpan('work', () => {});
    await exporting.flush();
    t.deepEqual(received, ['/v1/traces']);
  });
  t.deepEqual(recorder.only('new'), ['new work']);
  await bridged({ http: true, undici: true, childProcess: true }, registry, async () => {
    await context.with(suppressTracing(context.active()), async () => {
      await send({ port });
      await (await fetch(url)).text();
      await run('/bin/true');
    });
    const store = openPool(poolOf(t));
    await store.set('a', 'b');
    await store.set('a', 'c');
    await store.delete('a');
    await store.close();
  });
  t.deepEqual(recorder.only('new'), ['new work']);
  await exporting.shutdown();
});

test.serial(
  'an ended bridge hears nothing more, none is heard unless asked for, and what is odd harms nobody',
  async (t) => {
    const names = [
      'http.client.request.created',
      'http.client.request.start',
      'undici:request:create',
      'child_process',
    ];
    const heard = () => names.map((name) => channel(name).hasSubscribers);
    const before = heard();
    bridgeDiagnosticsChannels({})();
    t.deepEqual(heard(), before);
    const { recorder, registry, problems } = recording();
    {
      using bridge = bridgeDiagnosticsChannels({ http: true, undici: true, childProcess: true });
      t.deepEqual(heard(), [true, true, true, true]);
      await withDefault(registry, async () => {
        for (const name of names) channel(name).publish({ request: {}, process: {} });
        for (const name of names) channel(name).publish(undefined);
        await turn();
      });
      t.is(typeof bridge, 'function');
    }
    t.deepEqual(heard(), before);
    await withDefault(registry, () => run('/bin/true'));
    t.deepEqual(recorder.spans, []);
    for (const problem of problems) t.true(problem instanceof LayerError);
    t.true(problems.length > 0 && problems.length <= names.length);
    for (const options of [undefined, null, 5, { http: 1 }, { https: true }] as never[]) {
      t.throws(() => bridgeDiagnosticsChannels(options), { instanceOf: OptionError });
    }
  },
);
