import '../filter/text-filters.ts';
export { OpenTelemetryLayer } from './layer/opentelemetry-layer.ts';
export type {
  OpenTelemetryLayerOptions,
  OpenTelemetryStats,
  FlushableTracerProvider,
} from './layer/opentelemetry-layer.ts';
export { processEnvironment } from './propagation/process-environment.ts';
export type { Environment, EnvironmentOptions } from './propagation/process-environment.ts';
export { KvpSpanProcessor } from './processor/kvp-span-processor.ts';
export type { EndedSpan, KvpSpanProcessorOptions, StartedSpan } from './processor/kvp-span-processor.ts';
export { extract, inject, withRemoteContext } from './propagation/propagation.ts';
export { replay } from './replay/replay.ts';
export type { Replayed, ReplayedBatch, ReplayCursor, ReplayOptions } from './replay/replay.ts';
export { otlpTarget } from './replay/otlp-target.ts';
export type { OtlpTarget } from './replay/otlp-target.ts';
export type { ReplayTarget } from './replay/forward.ts';
