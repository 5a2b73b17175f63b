export { OpenTelemetryLayer } from './layer.ts';
export type { OpenTelemetryLayerOptions, OpenTelemetryStats, FlushableTracerProvider } from './layer.ts';
export { inject, withRemoteContext } from './propagation.ts';
