import { type Context, createContextKey } from '@opentelemetry/api';
import type { Span } from '../../tracing/span.ts';

/** Which files have a span of ours already, and under which id, while OpenTelemetry makes its mirror image. */
interface Mirrored {
  readonly id: string;
  readonly files: readonly string[];
}

// The number changes with the shape: two versions with one shape share it.
const MIRRORED = createContextKey('kvp-tracing.mirrored.1');
const PROCESSORS = Symbol.for('kvp-tracing.span-processors.1');

/** How many processors write spans to pools, in all copies of the package. */
export const processors = ((globalThis as { [PROCESSORS]?: { open: number } })[PROCESSORS] ??= { open: 0 });

/** The context to make the mirror image of `span` in: it says where the span is written already. */
export function mirroring(span: Span, context: Context): Context {
  if (processors.open === 0) return context;
  const files = span.registry?.layersOf(span).flatMap(({ spanFile }) => spanFile ?? []) ?? [];
  if (files.length === 0) return context;
  return context.setValue(MIRRORED, { id: span.id, files } satisfies Mirrored);
}

/** The id of the span of ours that starts in `context` as a mirror image, if `file` has it. */
export function mirroredId(context: Context, file: string): string | undefined {
  const mirrored = context.getValue(MIRRORED) as Mirrored | undefined;
  return mirrored?.files.includes(file) === true ? mirrored.id : undefined;
}
