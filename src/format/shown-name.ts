import { textOf } from '../tracing/value.ts';

/** The name that a span is shown by: its own, or the one that its field `otel.name` gives it, by which backends show it. */
export function shownName(name: string, otelName: unknown): string {
  return otelName === undefined || otelName === null || otelName === '' ? name : textOf(otelName);
}
