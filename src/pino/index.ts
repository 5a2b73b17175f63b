import '../filter/text-filters.ts';
export { JsonLayer } from './json-layer.ts';
export { pinoBridge } from './pino-bridge.ts';
export { pinoMixin } from './pino-mixin.ts';
export type { JsonLayerOptions } from './json-layer.ts';
export type { PinoBridgeOptions } from './pino-bridge.ts';
export type { SpanIds } from './pino-mixin.ts';
