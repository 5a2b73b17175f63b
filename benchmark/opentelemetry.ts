/**
 * What a span with one event costs the thread that makes it, through the layer and OpenTelemetry's batch
 * processor, beside the same made by hand on OpenTelemetry's API; and what an open span takes that nobody samples.
 */
import { type Context, context, type Span as OtelSpan, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import { Registry, type Span, target, withDefault } from 'kvp-tracing';
import { OpenTelemetryLayer } from 'kvp-tracing/opentelemetry';
import { interleaved, type Subject } from './measure.ts';

/** As many as go into one batch, so that none is dropped. */
const BATCH = 500;
const ROUNDS = 600;
const OPEN = 100_000;

const NOWHERE: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: () => Promise.resolve(),
};

const log = target('my_agent::user');
function byLayer(): void {
  log.inSpan('provision_user', { fields: { user_id: 42, user: 'alice' } }, () => {
    log.info({ user: 'alice', key_count: 3 }, 'Configuring SSH keys');
  });
}

/** Nanoseconds of a span with one event each way. */
export async function openTelemetryCosts(): Promise<Map<string, number>> {
  const processor = new BatchSpanProcessor(NOWHERE);
  const provider = new BasicTracerProvider({ spanProcessors: [processor] });
  const off = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
  const tracer = provider.getTracer('by hand');
  const registry = new Registry().with(new OpenTelemetryLayer({ provider }));
  const unsampled = new Registry().with(new OpenTelemetryLayer({ provider: off }));
  const offTracer = off.getTracer('by hand');
  const level = 'INFO';
  const byHand = (of: typeof tracer) => (): void => {
    const attributes = { level, target: 'my_agent::user', user_id: 42, user: 'alice' };
    of.startActiveSpan('provision_user', { attributes }, (span) => {
      const details = { level, target: 'my_agent::user', user: 'alice', key_count: 3 };
      span.addEvent('Configuring SSH keys', details);
      span.end();
    });
  };
  const subject = (name: string, one: () => void, subscriber?: Registry): Subject => {
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) one();
    };
    return {
      name,
      run: subscriber === undefined ? run : (count) => withDefault(subscriber, () => run(count)),
      rest: () => processor.forceFlush(),
    };
  };
  const costs = await interleaved(
    [
      subject('by hand', byHand(tracer)),
      subject('layer', byLayer, registry),
      subject('by hand, not sampled', byHand(offTracer)),
      subject('layer, not sampled', byLayer, unsampled),
    ],
    ROUNDS,
    BATCH,
  );
  await provider.shutdown();
  return costs;
}

/** Bytes of the heap that an open span takes that is not sampled: ours, without a layer, and OpenTelemetry's with its context. Needs `--expose-gc`. */
export function bytesUnsampled(): { layer: number; none: number; byHand: number } {
  const provider = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
  const tracer = provider.getTracer('by hand');
  const bytesOf = <T>(make: () => T): number => {
    const kept: T[] = Array.from({ length: OPEN });
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < OPEN; i++) kept[i] = make();
    globalThis.gc?.();
    const bytes = (process.memoryUsage().heapUsed - before) / OPEN;
    kept.length = 0;
    return bytes;
  };
  const ours = (registry: Registry) =>
    withDefault(registry, () => bytesOf<Span>(() => log.span('provision_user')));
  return {
    layer: ours(new Registry().with(new OpenTelemetryLayer({ provider }))),
    none: ours(new Registry().with({ name: 'nothing' })),
    byHand: bytesOf<{ span: OtelSpan; context: Context }>(() => {
      const span = tracer.startSpan('provision_user');
      return { span, context: trace.setSpan(context.active(), span) };
    }),
  };
}
