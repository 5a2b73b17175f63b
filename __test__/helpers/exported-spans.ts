import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryLayer, type OpenTelemetryLayerOptions } from '../../src/opentelemetry/index.ts';
import { withDefault } from '../../src/tracing/default-subscriber.ts';
import { Registry } from '../../src/tracing/registry.ts';
import { target } from '../../src/tracing/target.ts';

/** What the tests write spans and events with. */
export const log = target('agent::user');

/** A registry whose OpenTelemetry layer exports to memory, and what came of it. */
export function setUp(options: OpenTelemetryLayerOptions & { sampler?: Sampler } = {}) {
  const exporter = new InMemorySpanExporter();
  const { sampler, ...rest } = options;
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  const provider = new BasicTracerProvider(
    sampler === undefined ? { spanProcessors } : { spanProcessors, sampler },
  );
  const problems: Error[] = [];
  const layer = new OpenTelemetryLayer({ provider, onProblem: (problem) => problems.push(problem), ...rest });
  const registry = new Registry({ onProblem: (problem) => problems.push(problem) }).with(layer);
  return {
    layer,
    provider,
    registry,
    problems,
    run: <R>(fn: () => R): R => withDefault(registry, fn),
    spans: () => exporter.getFinishedSpans(),
    named: (name: string): ReadableSpan => {
      const found = exporter.getFinishedSpans().find((span) => span.name === name);
      if (found === undefined) throw new Error(`no span ${name}`);
      return found;
    },
  };
}

/** An OpenTelemetry time or duration in milliseconds. */
export const millisOf = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6;
