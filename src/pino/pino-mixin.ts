import { Span } from '../tracing/span.ts';

/** What the lines of an application say of the span that they are written in. */
export interface SpanIds {
  /** The span's UUID, as records in the pool have it. */
  span?: string;
  /** OpenTelemetry's trace id, 32 hex digits. */
  trace_id?: string;
  /** OpenTelemetry's span id, 16 hex digits. */
  span_id?: string;
}

/**
 * For pino's option `mixin`: puts the current span's ids into the application's own lines, named as in the pool
 * and as OpenTelemetry's instrumentation of pino names them.
 */
export function pinoMixin(): () => SpanIds {
  return () => idsOf(Span.current());
}

/** A new object each time: pino adds the line's members to it. */
export function idsOf(span: Span): SpanIds {
  if (span.isDisabled) return {};
  const { traceId, spanId } = span;
  if (traceId === undefined || spanId === undefined) return { span: span.id };
  return { span: span.id, trace_id: traceId, span_id: spanId };
}
