import { SpanKind } from '@opentelemetry/api';
import { textOf } from '../../tracing/value.ts';

/** The kind that a span's field `otel.kind` names, in any case; `undefined` if it names none. */
export function kindOf(value: unknown): SpanKind | undefined {
  if (value === undefined) return undefined;
  const kind: unknown = SpanKind[textOf(value).toUpperCase() as keyof typeof SpanKind];
  // The enumeration maps numbers back to names.
  return typeof kind === 'number' ? kind : undefined;
}
