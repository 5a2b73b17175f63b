export { OpenTelemetryLayer } from './layer.ts';
export type { OpenTelemetryLayerOptions, OpenTelemetryStats, FlushableTracerProvider } from './layer.ts';
export { processEnvironment } from './environment.ts';
export type { Environment, EnvironmentOptions } from './environment.ts';
export { KvpSpanProcessor } from './span-processor.ts';
export type { EndedSpan, KvpSpanProcessorOptions, StartedSpan } from './span-processor.ts';
export { extract, inject, withRemoteContext } from './propagation.ts';
