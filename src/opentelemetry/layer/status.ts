import { type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import type { Failure } from '../../tracing/failure.ts';
import type { Fields } from '../../tracing/fields.ts';
import { textOf } from '../../tracing/value.ts';

/**
 * The status of a span that ends: what the fields `otel.status_*` ask for, else that of its failure. `undefined` leaves
 * the status unset.
 */
export function statusOf(fields: Fields, failure: Failure | undefined): SpanStatus | undefined {
  const description = fieldOf(fields, 'otel.status_description');
  const code = fieldOf(fields, 'otel.status_code')?.toUpperCase();
  if (code === 'OK') return { code: SpanStatusCode.OK };
  // As in tracing-opentelemetry, a description without a code means an error.
  if (code === 'ERROR' || description !== undefined) return failed(description ?? failure?.reason);
  return failure === undefined ? undefined : failed(failure.reason);
}

function failed(message: string | undefined): SpanStatus {
  return message === undefined ? { code: SpanStatusCode.ERROR } : { code: SpanStatusCode.ERROR, message };
}

function fieldOf(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  return value === undefined || value === null ? undefined : textOf(value);
}
