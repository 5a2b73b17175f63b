import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import test, { type ExecutionContext } from 'ava';
import { OptionError } from '../src/errors.ts';
import { type BridgeOptions, bridgeDiagnosticsChannels, withDefault } from '../src/index.ts';
import { carriesContext } from '../src/bridges/propagate.ts';
import { type OpenTelemetryLayerOptions, processEnvironment } from '../src/opentelemetry/index.ts';
import { log, setUp } from './helpers/exported-spans.ts';

// The tests run one after the other: a process has one set of channels, and each must hear only of its own.

propagation.setGlobalPropagator(
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
);

const NODE = Number.parseInt(process.versions.node, 10);
const run = promisify(execFile);

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A server that answers as `answer` says; its port. */
async function serve(t: ExecutionContext, answer: Answer): Promise<number> {
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Tells which headers it got. */
const echo: Answer = ({ headers }, response) => response.end(JSON.stringify(headers));

/** Bridges while `act` runs; what was exported then. */
async function bridged(options: BridgeOptions, act: () => Promise<void>, layer?: OpenTelemetryLayerOptions) {
  const set = setUp(layer);
  const bridge = bridgeDiagnosticsChannels(options);
  try {
    await withDefault(set.registry, act);
    // A server learns a little later that its response is done with.
    await sleep(20);
  } finally {
    bridge();
  }
  return set;
}

/** A context manager of the program's own, with what the API asks of one. */
class ForeignManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  readonly active = (): Context => this.#storage.getStore() ?? ROOT_CONTEXT;
  readonly with: ContextManager['with'] = (active, fn, self, ...args) =>
    this.#storage.run(active, () => Reflect.apply(fn, self, args) as never);
  readonly bind = <T>(_: Context, bound: T): T => bound;
  readonly enable = (): this => this;
  readonly disable = (): this => this;
}

type Headers = Record<string, string | undefined>;
const fetched = async (url: string, init?: RequestInit) => (await (await fetch(url, init)).json()) as Headers;

/** A request of `node:http`, and the headers that its server got. */
async function got(options: http.RequestOptions): Promise<Headers> {
  const [response] = (await once(http.get({ host: '127.0.0.1', agent: false, ...options }), 'response')) as [
    IncomingMessage,
  ];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return JSON.parse(text) as Headers;
}

const parentOf = (traceparent: string | undefined) => traceparent?.split('-')[2];

test.serial('a request of fetch() carries the context of its span, and baggage', async (t) => {
  const port = await serve(t, echo);
  let headers: Headers = {};
  const { named } = await bridged({ undici: true }, () =>
    log.inSpan('work', async () => {
      const baggage = propagation.createBaggage({ vm: { value: '7' } });
      const active = propagation.setBaggage(context.active(), baggage);
      headers = await context.with(active, () => fetched(`http://127.0.0.1:${port}`));
    }),
  );
  const { traceId, spanId } = named('GET').spanContext();
  t.is(headers['traceparent'], `00-${traceId}-${spanId}-01`);
  t.is(headers['baggage'], 'vm=7');
  t.is(named('GET').parentSpanContext?.spanId, named('work').spanContext().spanId);
});

test.serial('a request of node:http does where Node.js tells of it before it is sent', async (t) => {
  const port = await serve(t, echo);
  let plain: Headers = {};
  let listed: Headers = {};
  const { spans } = await bridged({ http: true }, async () => {
    plain = await got({ port });
    listed = await got({ port, headers: ['host', 'x'] });
  });
  const [first] = spans();
  t.is(parentOf(plain['traceparent']), NODE >= 22 ? first?.spanContext().spanId : undefined);
  t.is(listed['traceparent'], undefined);
});

test.serial(
  'headers that are there already stay, and those that come later are not there twice',
  async (t) => {
    const port = await serve(t, echo);
    const url = `http://127.0.0.1:${port}`;
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const later = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    await bridged({ undici: true, http: true }, async () => {
      t.is((await fetched(url, { headers: { traceparent } }))['traceparent'], traceparent);
      t.is((await got({ port, headers: { traceparent } }))['traceparent'], traceparent);
      const add = (message: unknown) =>
        (message as { request: { addHeader(name: string, value: string): void } }).request.addHeader(
          'traceparent',
          later,
        );
      channel('undici:request:create').subscribe(add);
      t.is((await fetched(url))['traceparent'], later);
      channel('undici:request:create').unsubscribe(add);
    });
  },
);

test.serial(
  'propagate: false adds no headers, a list adds them to requests to its hosts alone',
  async (t) => {
    const port = await serve(t, echo);
    const url = `http://127.0.0.1:${port}`;
    const carries = async (propagate: BridgeOptions['propagate']) => {
      let headers: Headers = {};
      await bridged({ undici: true, propagate }, async () => void (headers = await fetched(url)));
      return headers['traceparent'] !== undefined;
    };
    t.false(await carries(false));
    t.true(await carries(true));
    t.true(await carries(['127.0.0.1']));
    t.true(await carries([`127.0.0.1:${port}`]));
    t.false(await carries(['127.0.0.1:1', 'example.com']));
    t.false(await carries([]));
  },
);

test('hosts match in any case, with their port if one is given, and as subdomains', (t) => {
  const carries = carriesContext(['Example.com', '*.internal', 'h:8080', '[::1]', '*.p:81']);
  for (const [host, port, expected] of [
    ['example.COM', 443, true],
    ['www.example.com', 443, false],
    ['a.b.internal', 80, true],
    ['internal', 80, false],
    ['notinternal', 80, false],
    ['h', 8080, true],
    ['h', 80, false],
    ['h', undefined, false],
    ['::1', 80, true],
    ['x.p', 81, true],
    ['x.p', 82, false],
  ] as const) {
    t.is(carries(host, port), expected, `${host}:${port}`);
  }
  for (const propagate of [5, 'host', [5], ['http://host'], ['a/b'], ['']] as never[]) {
    t.throws(() => bridgeDiagnosticsChannels({ propagate }), { instanceOf: OptionError });
  }
});

test.serial("a server's request is a span of the caller's trace, in which its handler runs", async (t) => {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const { named, spans } = await bridged({ httpServer: true }, async () => {
    const port = await serve(t, async ({ url }, response) => {
      await sleep(1);
      log.inSpan(`ours ${url}`, () => {});
      trace.getTracer('x');
      response.statusCode = url === '/broken' ? 503 : url?.startsWith('/missing') === true ? 404 : 200;
      response.end('{}');
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { traceparent, 'user-agent': 'me', host: 'vm.internal:81' };
    await got({ port, agent, path: '/a?sig=1&b=2', headers });
    await got({ port, agent, path: '/broken' });
    await got({ port, agent, path: '/missing' });
    agent.destroy();
  });
  const [first, broken, missing, ...more] = spans().filter(({ kind }) => kind === SpanKind.SERVER);
  t.deepEqual(more, []);
  t.is(first?.name, 'GET');
  t.is(first?.spanContext().traceId, 'a'.repeat(32));
  t.is(first?.parentSpanContext?.spanId, 'b'.repeat(16));
  const { 'client.address': client, ...attributes } = first?.attributes ?? {};
  t.truthy(client);
  t.deepEqual(attributes, {
    level: 'INFO',
    target: 'http.server',
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/a',
    'url.query': 'sig=REDACTED&b=2',
    'server.address': 'vm.internal',
    'server.port': 81,
    'network.protocol.version': '1.1',
    'user_agent.original': 'me',
    'http.response.status_code': 200,
  });
  t.is(named('ours /a?sig=1&b=2').parentSpanContext?.spanId, first?.spanContext().spanId);
  // The request before them on the connection is nothing to them.
  for (const other of [broken, missing]) t.is(other?.parentSpanContext, undefined);
  t.is(named('ours /broken').parentSpanContext?.spanId, broken?.spanContext().spanId);
  t.deepEqual([broken?.status.code, broken?.attributes['error.type']], [SpanStatusCode.ERROR, '503']);
  t.deepEqual([missing?.status.code, missing?.attributes['error.type']], [SpanStatusCode.UNSET, undefined]);
});

test.serial('credentials in a request to a proxy do not leave the program', async (t) => {
  const { spans } = await bridged({ httpServer: true }, async () => {
    const port = await serve(t, (_, response) => void response.end('{}'));
    await got({ port, path: 'http://user:s3cret@vm.internal/a?sig=s3cret' });
  });
  t.like(spans()[0]?.attributes, {
    'url.path': 'http://REDACTED:REDACTED@vm.internal/a',
    'url.query': 'sig=REDACTED',
  });
});

test.serial('the route names the span where a framework tells it', async (t) => {
  const { spans } = await bridged({ httpServer: true }, async () => {
    const port = await serve(t, (request, response) => {
      if (request.url === '/api/users/7') {
        Object.assign(request, { baseUrl: '/api', route: { path: '/users/:id' } });
      } else {
        const message = { request: { raw: request }, route: { url: '/gw/:x' } };
        channel('tracing:fastify.request.handler:start').publish(message);
      }
      response.end('{}');
    });
    await got({ port, path: '/api/users/7' });
    await got({ port, path: '/gw/1' });
  });
  t.deepEqual(
    spans().map(({ name, attributes }) => [name, attributes['http.route']]),
    [
      ['GET /api/users/:id', '/api/users/:id'],
      ['GET /gw/:x', '/gw/:x'],
    ],
  );
});

test.serial('a response that the caller or the server gives up fails the span of the server', async (t) => {
  const { spans } = await bridged({ httpServer: true }, async () => {
    const port = await serve(t, (_, response) => void response.writeHead(200).write('x'));
    const request = http.get({ host: '127.0.0.1', port, agent: false }).on('error', () => {});
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.destroy();
    await once(response, 'close');
    await sleep(50);
  });
  t.is(spans()[0]?.attributes['error.type'], 'aborted');
  t.is(spans()[0]?.status.code, SpanStatusCode.ERROR);
});

test.serial('a service passes on what it was called with', async (t) => {
  const traceId = 'a'.repeat(32);
  let headers: Headers = {};
  const { spans } = await bridged({ undici: true, httpServer: true }, async () => {
    const back = await serve(t, echo);
    const front = await serve(t, async (_, response) => {
      headers = await fetched(`http://127.0.0.1:${back}`);
      response.end('{}');
    });
    await got({
      port: front,
      headers: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01`, tracestate: 'a=1', baggage: 'vm=7' },
    });
  });
  t.regex(headers['traceparent'] ?? '', new RegExp(`^00-${traceId}-`));
  t.deepEqual([headers['tracestate'], headers['baggage']], ['a=1', 'vm=7']);
  const ids = new Map(spans().map((span) => [span.spanContext().spanId, span]));
  const path: string[] = [];
  for (let at = ids.get(parentOf(headers['traceparent']) ?? ''); at !== undefined;) {
    path.push(SpanKind[at.kind] as string);
    at = ids.get(at.parentSpanContext?.spanId ?? '');
  }
  t.deepEqual(path, ['CLIENT', 'SERVER']);
  t.deepEqual(new Set(spans().map((span) => span.spanContext().traceId)), new Set([traceId]));
});

test.serial('a response whose body is cancelled, or given up, is what its status says', async (t) => {
  const port = await serve(t, (_, response) => response.end(Buffer.alloc(3_000_000)));
  const url = `http://127.0.0.1:${port}`;
  const { spans } = await bridged({ undici: true, http: true }, async () => {
    await (await fetch(url)).body?.cancel();
    const abort = new AbortController();
    const response = await fetch(url, { signal: abort.signal });
    abort.abort();
    await response.text().then(
      () => t.fail(),
      () => {},
    );
    const request = http.get({ host: '127.0.0.1', port, agent: false });
    const [message] = (await once(request, 'response')) as [IncomingMessage];
    message.destroy();
    await once(request, 'close');
  });
  t.is(spans().length, 3);
  for (const { status, attributes } of spans()) {
    t.is(status.code, SpanStatusCode.UNSET);
    t.is(attributes['http.response.status_code'], 200);
    t.is(attributes['error.type'], undefined);
  }
});

test.serial('a child process gets the context of its span where Node.js lets it', async (t) => {
  const script = ['-p', 'JSON.stringify(process.env)'];
  const envs: NodeJS.ProcessEnv[] = [];
  const start = async (env?: NodeJS.ProcessEnv) => {
    const { stdout } = await run(process.execPath, script, env === undefined ? {} : { env });
    envs.push(JSON.parse(stdout) as NodeJS.ProcessEnv);
  };
  process.env['TRACEPARENT'] = `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`;
  t.teardown(() => delete process.env['TRACEPARENT']);
  const environment = await processEnvironment();
  const { spans } = await bridged(
    { childProcess: true },
    () =>
      log.inSpan('work', async () => {
        await start();
        await start({ ...process.env, TRACEPARENT: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` });
      }),
    { environment },
  );
  t.is(spans().length, 3);
  const [inherited, given] = envs.map((env) => parentOf(env['TRACEPARENT']));
  t.is(given, 'b'.repeat(16));
  t.is(inherited, NODE >= 24 ? spans()[0]?.spanContext().spanId : 'f'.repeat(16));
  t.is(spans()[0]?.spanContext().traceId, 'e'.repeat(32));
});

test.serial(
  'where another context manager is registered, the current span is ours alone, which is said once',
  async (t) => {
    context.disable();
    context.setGlobalContextManager(new ForeignManager());
    t.teardown(() => context.disable());
    const { registry, problems, spans } = setUp();
    const bridge = bridgeDiagnosticsChannels({ httpServer: true });
    await withDefault(registry, async () => {
      const port = await serve(t, (_, response) => {
        log.inSpan('inside', (span) => t.is(trace.getSpanContext(context.active())?.spanId, span.spanId));
        t.is(context.active(), ROOT_CONTEXT);
        response.end('{}');
      });
      await got({ port });
      await got({ port });
      await sleep(20);
    });
    bridge();
    t.is(problems.length, 1);
    t.regex(problems[0]?.message ?? '', /another context manager is registered/);
    const [inside, server] = spans();
    t.is(inside?.parentSpanContext?.spanId, server?.spanContext().spanId);
  },
);
