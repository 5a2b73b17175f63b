import { context, ProxyTracerProvider } from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import test from 'ava';
import { ExportError, NotAPoolFileError, OptionError } from '../src/errors.ts';
import { replay, type ReplayTarget } from '../src/opentelemetry/index.ts';
import type { ReplayedSpan } from '../src/opentelemetry/replay/replayed-span.ts';
import type { PoolRecord } from '../src/pool/record.ts';
import { VM } from './helpers/diag-records.ts';
import { setUp } from './helpers/exported-spans.ts';
import { folderOf, has } from './helpers/pool-folder.ts';
import { finished, idsOf, replayed, SAMPLES, started } from './helpers/replayed.ts';
import { Rotel, rotelMissing } from './helpers/rotel.ts';

const FAILURE = 1;

/** A pool with so many spans. */
const many = (count: number): PoolRecord[] =>
  Array.from({ length: count }, (_, i) => [started(`s${i}`, i % 60), finished(`s${i}`, i % 60, 0)]).flat();

test('an exporter gets 512 spans at a time, each batch when the one before is through, untraced', async (t) => {
  setUp(); // registers a context manager
  const sizes: number[] = [];
  let open = 0;
  let flushes = 0;
  const exporter: ReplayTarget = {
    export(spans: ReplayedSpan[], done: (result: { code: number }) => void) {
      // What the SDK's own exporters ask for, as types have it.
      const readable: readonly ReadableSpan[] = spans;
      t.is(++open, 1);
      t.true(isTracingSuppressed(context.active()));
      sizes.push(readable.length);
      setImmediate(() => {
        open--;
        done({ code: 0 });
      });
    },
    forceFlush: async () => void flushes++,
  };
  t.is((await replay(many(1100), exporter)).spans, 1100);
  t.deepEqual([sizes, flushes], [[512, 512, 76], 3]);
  t.false(isTracingSuppressed(context.active()));
});

test('an exporter that fails, throws or never answers is an ExportError', async (t) => {
  const cause = new Error('no network');
  const failing: [ReplayTarget, RegExp][] = [
    [{ export: (_, done) => done({ code: FAILURE, error: cause }) }, /could not export: no network/],
    [{ export: (_, done) => done({ code: FAILURE }) }, /does not say why/],
    [
      {
        export: () => {
          throw cause;
        },
      },
      /could not export: no network/,
    ],
    [{ export: (_, done) => done({ code: 0 }), forceFlush: () => Promise.reject(cause) }, /no network/],
    [{ export: () => {} }, /did not export within 20 ms/],
  ];
  for (const [exporter, message] of failing) {
    const error = await t.throwsAsync(replay(many(1), exporter, { timeout: 20 }), {
      instanceOf: ExportError,
      code: 'ERR_KVP_EXPORT',
      message,
    });
    if (String(message).includes('could not')) t.is(error?.cause, cause);
  }
});

test('wrong options are rejected before anything is read, and a pool that cannot be read is', async (t) => {
  const exporter = new InMemorySpanExporter();
  const unread = new Proxy([], { get: () => t.fail() });
  for (const to of [undefined, null, {}, 'otlp', { export: 1 }]) {
    await t.throwsAsync(replay(unread, to as never), {
      instanceOf: OptionError,
      message: /^to must be a span exporter/,
    });
  }
  for (const since of [null, 'yesterday', new Date(Number.NaN), {}, 5]) {
    await t.throwsAsync(replay(unread, exporter, { since: since as never }), {
      instanceOf: OptionError,
      message: /^since/,
    });
  }
  await t.throwsAsync(replay(unread, exporter, { timeout: -1 }), {
    instanceOf: OptionError,
    message: /^timeout/,
  });
  await t.throwsAsync(replay(folderOf(t), exporter), { instanceOf: NotAPoolFileError });
});

test('a provider makes spans of its own ids in the same traces, and is flushed', async (t) => {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 60_000 })],
  });
  const pool = `${SAMPLES}/diag-azure-init.kvp_pool`;
  const wanted = await replayed(pool);
  t.is((await replay(pool, provider)).spans, 3);
  const spans = exporter.getFinishedSpans();
  const named = (name: string) => spans.find((span) => span.name === name) as ReadableSpan;
  for (const was of wanted.exported) {
    const is = named(was.name);
    t.is(is.spanContext().traceId, was.spanContext().traceId);
    t.deepEqual([is.startTime, is.endTime, is.status], [was.startTime, was.endTime, was.status]);
    t.deepEqual({ ...is.attributes }, { ...was.resource.attributes, ...was.attributes });
    t.deepEqual(
      is.events.map(({ name, time }) => [name, time]),
      was.events.map(({ name, time }) => [name, time]),
    );
  }
  t.is(named('configure_ssh_keys').parentSpanContext?.spanId, named('provision_user').spanContext().spanId);
  t.is(
    named('provision_user').parentSpanContext?.spanId,
    wanted.named('provision_user').spanContext().spanId,
  );
  await t.throwsAsync(replay(pool, new ProxyTracerProvider()), {
    instanceOf: ExportError,
    message: /makes no spans/,
  });
});

test('OTLP takes what is replayed, as JSON and as protobuf', async (t) => {
  const { exported } = await replayed(`${SAMPLES}/diag-azure-init.kvp_pool`, { events: true });
  const json = JSON.parse(
    Buffer.from(JsonTraceSerializer.serializeRequest([...exported]) ?? []).toString(),
  ) as {
    resourceSpans: { resource: { attributes: object[] }; scopeSpans: { scope: object; spans: object[] }[] }[];
  };
  t.is(json.resourceSpans.length, 1);
  const [{ resource, scopeSpans } = { resource: undefined, scopeSpans: [] }] = json.resourceSpans;
  t.deepEqual(resource?.attributes[2], { key: 'host.id', value: { stringValue: VM } });
  t.is(scopeSpans[0]?.spans.length, 4);
  t.like(scopeSpans[0]?.spans[0], {
    name: 'provision_user',
    kind: 1,
    startTimeUnixNano: '1795370954704000000',
    endTimeUnixNano: '1795370954705522000',
  });
  t.true((ProtobufTraceSerializer.serializeRequest([...exported])?.length ?? 0) > 500);
});

test('a real OTLP receiver gets what is replayed', async (t) => {
  if (!has(t, rotelMissing)) return;
  const rotel = await Rotel.start(t);
  const exporter = new OTLPTraceExporter({ url: `${rotel.endpoint}/v1/traces` });
  const pool = `${SAMPLES}/diag-azure-init.kvp_pool`;
  t.is((await replay(pool, exporter)).spans, 3);
  const received = await rotel.received(3);
  await exporter.shutdown();
  const { exported } = await replayed(pool);
  t.deepEqual(received.map(({ name, traceId, spanId }) => [name, traceId, spanId]).sort(), idsOf(exported));
  const span = received.find(({ name }) => name === 'configure_ssh_keys');
  t.like(span, {
    scope: span?.scope,
    kind: 'SPAN_KIND_INTERNAL',
    start: 1795370954705000000n,
    end: 1795370954705579000n,
  });
  t.like(span?.resource, { 'service.name': 'Str(azure-init)', 'host.id': `Str(${VM})` });
  t.deepEqual(
    span?.events.map(({ name }) => name),
    ['Configuring SSH keys', ...Array<string>(3).fill('Processing SSH key'), 'Odd key'],
  );
});
