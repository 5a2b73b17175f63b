import { Span } from '../tracing/span.ts';

/** The ids of the span that a line is written in. */
export interface SpanIds {
  /** The span's UUID, as in the pool. */
  span?: string;
  /** OpenTelemetry's trace id, 32 hex digits. */
  trace_id?: string;
  /** OpenTelemetry's span id, 16 hex digits. */
  span_id?: string;
}

/**
 * A function for pino's option `mixin`, which adds the current span's ids to the application's own lines. They have the
 * names that the pool and OpenTelemetry's instrumentation of pino use.
 *
 * @example
 * ```ts
 * const logger = pino({ mixin: pinoMixin() });
 * inSpan('mount', () => logger.info('has the ids of the span'));
 * ```
 */
export function pinoMixin(): () => SpanIds {
  return () => idsOf(Span.current());
}

/** The ids of a span, in a new object: pino adds the line's members to it. */
export function idsOf(span: Span): SpanIds {
  if (span.isDisabled) return {};
  const { traceId, spanId } = span;
  if (traceId === undefined || spanId === undefined) return { span: span.id };
  return { span: span.id, trace_id: traceId, span_id: spanId };
}
