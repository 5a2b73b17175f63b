import { isTracingSuppressed } from '../tracing/suppress-tracing.ts';

const API = Symbol.for('opentelemetry.js.api.1');
/** What OpenTelemetry's `suppressTracing` sets in a context. */
const KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

interface Api {
  context?: { active(): { getValue(key: symbol): unknown } };
}

/** Whether what runs here is our own or asks not to be traced, as exporters do; told without loading OpenTelemetry. */
export function isSuppressed(): boolean {
  if (isTracingSuppressed()) return true;
  const api = (globalThis as { [API]?: Api })[API];
  return api?.context?.active().getValue(KEY) === true;
}
