import { type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import type { Span } from '../../tracing/span.ts';
import { textOf } from '../../tracing/value.ts';

/** The last ERROR event in a span. */
export interface SeenError {
  readonly message: string | undefined;
}

/** What decides the status of a span. */
type Ended = Pick<Span, 'fields' | 'thrown' | 'statedResult' | 'reason'>;

/**
 * The status of a span that ends. The first of these decides: the fields `otel.status_*`, what was thrown, the result
 * that the program stated, the last ERROR event. `undefined` leaves the status unset.
 */
export function statusOf(span: Ended, error: SeenError | undefined): SpanStatus | undefined {
  const description = fieldOf(span, 'otel.status_description');
  const code = fieldOf(span, 'otel.status_code')?.toUpperCase();
  if (code === 'OK') return { code: SpanStatusCode.OK };
  // As in tracing-opentelemetry, a description without a code means an error.
  if (code === 'ERROR' || description !== undefined) return failed(description ?? reasonOf(span, error));
  if (span.thrown !== undefined || span.statedResult === 'fail') return failed(reasonOf(span, error));
  if (span.statedResult === 'success' || error === undefined) return undefined;
  return failed(error.message);
}

function reasonOf(span: Ended, error: SeenError | undefined): string | undefined {
  return span.thrown === undefined ? (span.reason ?? error?.message) : textOf(span.thrown.error);
}

function failed(message: string | undefined): SpanStatus {
  return message === undefined
    ? { code: SpanStatusCode.ERROR }
    : { code: SpanStatusCode.ERROR, message: textOf(message) };
}

function fieldOf(span: Ended, name: string): string | undefined {
  const value = span.fields.get(name);
  return value === undefined || value === null ? undefined : textOf(value);
}
