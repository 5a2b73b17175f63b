import { type Context, createContextKey } from '@opentelemetry/api';
import { shared } from '../../tracing/shared.ts';
import type { Span } from '../../tracing/span.ts';

/** Says that a span from OpenTelemetry mirrors one of our spans, which `files` already have under `id`. */
interface Mirrored {
  readonly id: string;
  readonly files: readonly string[];
}

// The number changes with the shape of the value, so that versions of the package with the same shape understand each other.
const MIRRORED = createContextKey('kvp-tracing.mirrored.1');
const PROCESSORS = 'kvp-tracing.span-processors.1';

/** How many span processors write to pools; shared by all copies of the package in this process. */
export const processors = shared(PROCESSORS, () => ({ open: 0 }));

/** `context`, marked with the files that `span` is written to, for starting the OpenTelemetry span that mirrors it. */
export function mirroring(span: Span, context: Context): Context {
  if (processors.open === 0) return context;
  const files = span.registry?.layersOf(span).flatMap(({ spanFile }) => spanFile ?? []) ?? [];
  if (files.length === 0) return context;
  return context.setValue(MIRRORED, { id: span.id, files } satisfies Mirrored);
}

/** The id of our span that a span started in `context` mirrors; `undefined` if `file` does not have our span. */
export function mirroredId(context: Context, file: string): string | undefined {
  const mirrored = context.getValue(MIRRORED) as Mirrored | undefined;
  return mirrored?.files.includes(file) === true ? mirrored.id : undefined;
}
