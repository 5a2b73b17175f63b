export { JsonLayer } from './json-layer.ts';
export { pinoBridge } from './bridge.ts';
export { pinoMixin } from './mixin.ts';
export type { JsonLayerOptions } from './json-layer.ts';
export type { PinoBridgeOptions } from './bridge.ts';
export type { SpanIds } from './mixin.ts';
