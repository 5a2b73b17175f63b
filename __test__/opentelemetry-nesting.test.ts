import { once } from 'node:events';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { bridgeDiagnosticsChannels } from '../src/bridges/bridge-diagnostics-channels.ts';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { createProvider } from '../src/opentelemetry/export/own-provider.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { misbehaving } from './helpers/collector.ts';
import { log, setUp } from './helpers/exported-spans.ts';

const instrumentation = new HttpInstrumentation();
// Instrumented as it is loaded, which an `import` of this file would come before.
const http = createRequire(import.meta.url)('node:http') as typeof import('node:http');
// So that those who `import` it are traced as well.
syncBuiltinESMExports();
test.after(() => instrumentation.disable());

test.serial('spans of http nest under ours and ours under theirs, from client to server', async (t) => {
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  t.teardown(() => propagation.disable());
  const { run, named, spans, provider } = setUp();
  instrumentation.setTracerProvider(provider);
  await run(async () => {
    const server = http.createServer((request, response) => {
      void log.inSpan('handle', async () => {
        await text(request);
        log.inSpan('store', () => {});
        response.end('ok');
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    await log.inSpan('call', async () => {
      const [response] = await once(http.get({ port, host: '127.0.0.1' }), 'response');
      await log.inSpan('read', () => text(response));
    });
    server.close();
    await once(server, 'close');
  });
  const client = spans().find(({ kind }) => kind === SpanKind.CLIENT);
  const served = spans().find(({ kind }) => kind === SpanKind.SERVER);
  const idOf = (name: string) => named(name).spanContext().spanId;
  t.is(client?.parentSpanContext?.spanId, idOf('call'));
  t.is(served?.parentSpanContext?.spanId, client?.spanContext().spanId);
  t.is(named('handle').parentSpanContext?.spanId, served?.spanContext().spanId);
  t.is(named('store').parentSpanContext?.spanId, idOf('handle'));
  t.is(named('read').parentSpanContext?.spanId, idOf('call'));
  t.is(new Set(spans().map((span) => span.spanContext().traceId)).size, 1);
});

test.serial(
  'so do spans of undici, whose requests carry one context, of the bridge beside it too',
  async (t) => {
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    t.teardown(() => propagation.disable());
    for (const bridged of ['not', 'before', 'after']) {
      const { run, named, spans, provider } = setUp();
      const bridge = () => bridgeDiagnosticsChannels({ undici: true, http: true });
      const before = bridged === 'before' ? bridge() : undefined;
      const undici = new UndiciInstrumentation();
      undici.setTracerProvider(provider);
      instrumentation.setTracerProvider(provider);
      const after = bridged === 'after' ? bridge() : undefined;
      const headers: string[] = [];
      await run(async () => {
        const server = http.createServer(({ rawHeaders }, response) => {
          headers.push(...rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
          log.inSpan('handle', () => response.end('ok'));
        });
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { port } = server.address() as AddressInfo;
        await log.inSpan('call', async () => {
          await (await fetch(`http://127.0.0.1:${port}`)).text();
        });
        server.closeAllConnections();
        await once(server.close(), 'close');
      });
      before?.();
      after?.();
      undici.disable();
      t.is(headers.filter((name) => name === 'traceparent').length, 1, bridged);
      const served = spans().find(({ kind }) => kind === SpanKind.SERVER);
      const client = spans().find((span) => span.spanContext().spanId === served?.parentSpanContext?.spanId);
      t.is(client?.instrumentationScope.name, '@opentelemetry/instrumentation-undici');
      t.is(client?.parentSpanContext?.spanId, named('call').spanContext().spanId);
      t.is(named('handle').parentSpanContext?.spanId, served?.spanContext().spanId);
      t.is(new Set(spans().map((span) => span.spanContext().traceId)).size, 1);
    }
  },
);

test.serial(
  'an instrumentation that makes its spans active, as that of pg does, nests both ways',
  async (t) => {
    const { run, named, provider } = setUp();
    const theirs = provider.getTracer('pg');
    const query = (act: () => void) =>
      new Promise<void>((resolve) =>
        theirs.startActiveSpan('pg.query', (span) =>
          setImmediate(
            context.bind(context.active(), () => {
              act();
              span.end();
              resolve();
            }),
          ),
        ),
      );
    await run(() => log.inSpan('outer', () => query(() => log.inSpan('row', () => {}))));
    const { spanId } = named('outer').spanContext();
    t.is(named('pg.query').parentSpanContext?.spanId, spanId);
    t.is(named('row').parentSpanContext?.spanId, named('pg.query').spanContext().spanId);
  },
);

test.serial('the requests of the export itself are traced by nobody', async (t) => {
  const bodies: string[] = [];
  const endpoint = await misbehaving(t, async (request, response) => {
    bodies.push(await text(request));
    response.end();
  });
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
  const provider = await createProvider({}, env);
  if (provider === undefined) return t.fail();
  instrumentation.setTracerProvider(provider);
  // The collector is in this process too.
  instrumentation.setConfig({ ignoreIncomingRequestHook: () => true });
  t.teardown(() => instrumentation.setTracerProvider(new BasicTracerProvider()));
  const layer = new OpenTelemetryLayer({ provider });
  const registry = new Registry().with(layer);
  withDefault(registry, () => log.inSpan('work', () => {}));
  // Inside of a span, from which a request would be traced.
  await withDefault(registry, () => log.inSpan('flushing', () => layer.flush()));
  await layer.shutdown();
  const names = bodies.flatMap((body) => body.match(/"name":"(?!service)[a-zA-Z]+( \/\S*)?"/g) ?? []);
  t.deepEqual(
    names.filter((name) => name !== '"name":"kvp-tracing"'),
    ['"name":"work"', '"name":"flushing"'],
  );
  t.is(trace.getActiveSpan(), undefined);
});
