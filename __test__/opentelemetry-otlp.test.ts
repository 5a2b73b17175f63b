import test from 'ava';
import { OpenTelemetryLayer } from '../src/opentelemetry/index.ts';
import { createProvider } from '../src/opentelemetry/export/own-provider.ts';
import { withDefault } from '../src/tracing/default-subscriber.ts';
import { Registry } from '../src/tracing/registry.ts';
import { VERSION } from '../src/version.ts';
import { log } from './helpers/exported-spans.ts';
import { has } from './helpers/pool-folder.ts';
import { type ReceivedSpan, Rotel, rotelMissing } from './helpers/rotel.ts';

for (const protocol of ['http/protobuf', 'http/json']) {
  test.serial(`a collector gets all of a span by ${protocol}`, async (t) => {
    if (!has(t, rotelMissing)) return;
    const rotel = await Rotel.start(t);
    const before = BigInt(Date.now()) * 1_000_000n;
    const shutdown = await emit({
      OTEL_EXPORTER_OTLP_ENDPOINT: rotel.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    t.deepEqual(await shutdown(), { complete: true, dropped: 0, problems: [] });
    const spans = await rotel.stop();
    t.is(spans.length, 3);
    const named = (name: string) => spans.find((span) => span.name === name) as ReceivedSpan;
    const [outer, call, failed] = [named('provision'), named('GET /metadata'), named('write_file')];
    t.like(outer.resource, {
      'service.name': 'Str(agent)',
      'service.version': 'Str(1.2)',
      'telemetry.sdk.language': 'Str(nodejs)',
      'deployment.environment.name': 'Str(test)',
    });
    t.is(outer.scope, `kvp-tracing ${VERSION}`);
    t.regex(outer.traceId, /^[0-9a-f]{32}$/);
    t.regex(outer.spanId, /^[0-9a-f]{16}$/);
    t.is(outer.parentId, '');
    t.is(outer.kind, 'SPAN_KIND_INTERNAL');
    t.is(outer.status, 'STATUS_CODE_UNSET');
    t.true(outer.start >= before - 2_000_000_000n && outer.start <= outer.end);
    t.true(outer.end <= BigInt(Date.now() + 2000) * 1_000_000n);
    t.like(outer.attributes, {
      level: 'Str(INFO)',
      target: 'Str(agent::user)',
      text: 'Str(a "b"\nc \u{1f600})',
      whole: 'Int(42)',
      fraction: 'Double(1.5)',
      yes: 'Bool(true)',
      big: 'Str(18446744073709551616)',
      texts: 'Slice(Str(a), Str(b))',
      numbers: 'Slice(Int(1), Int(2))',
      object: 'Str({ a: 1 })',
    });
    t.false('missing' in outer.attributes);
    t.is(outer.events.length, 1);
    t.like(outer.events[0], { name: 'retrying', attributes: { level: 'Str(WARN)', left: 'Int(2)' } });
    for (const child of [call, failed]) {
      t.is(child.parentId, outer.spanId);
      t.is(child.traceId, outer.traceId);
    }
    t.is(call.kind, 'SPAN_KIND_CLIENT');
    t.deepEqual(
      failed.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
      [{ traceId: call.traceId, spanId: call.spanId }],
    );
    t.is(failed.status, 'STATUS_CODE_ERROR');
    t.is(failed.statusMessage, 'no space');
    const [exception] = failed.events;
    t.is(exception?.name, 'exception');
    t.like(exception?.attributes, {
      'exception.type': 'Str(RangeError)',
      'exception.message': 'Str(no space)',
    });
    t.regex(
      exception?.attributes['exception.stacktrace'] ?? '',
      /^Str\(RangeError: no space\n {4}at [^]+\n {2}\[cause\]: Error: ENOSPC\n {6}at [^]+\)$/,
    );
  });
}

/** Spans and events of all sorts; returns how to end. */
async function emit(env: NodeJS.ProcessEnv) {
  const provider = await createProvider({ service: 'agent', version: '1.2' }, env);
  const registry = new Registry().with(new OpenTelemetryLayer(provider && { provider }));
  const fields = {
    text: 'a "b"\nc \u{1f600}',
    whole: 42,
    fraction: 1.5,
    yes: true,
    big: 2n ** 64n,
    texts: ['a', 'b'],
    numbers: [1, 2],
    object: { a: 1 },
    missing: undefined,
  };
  withDefault(registry, () => {
    log.inSpan('provision', { fields }, () => {
      log.warn({ left: 2 }, 'retrying');
      const call = log.span('call', { fields: { 'otel.name': 'GET /metadata', 'otel.kind': 'client' } });
      call.close();
      try {
        log.inSpan('write_file', { followsFrom: [call] }, () => {
          throw new RangeError('no space', { cause: new Error('ENOSPC') });
        });
      } catch {
        // Told to the span.
      }
    });
  });
  return () => registry.shutdown();
}
