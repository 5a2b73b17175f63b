import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';

/** What a line says about one span around its event. */
export interface SpanText {
  /** The part before the target. */
  readonly before: string;
  /** The part behind the event's fields. */
  readonly behind: string;
}

/** What a line says about all spans around its event. */
export interface ContextText {
  before: string;
  behind: string;
}

/** Spells an event and the spans around it. */
export interface LineFormat {
  /** The text of a span; the caller keeps it until a field of the span changes. */
  spanText(span: Pick<Span, 'name' | 'fields' | 'metadata'>): SpanText;
  /** Adds the text of a span to that of the spans inside of it. */
  enclose(context: ContextText, span: SpanText): void;
  /** The line, with its line feed. `micros` is the event's time, in microseconds since 1970. */
  line(
    micros: number,
    metadata: Pick<Metadata, 'target' | 'verbosity'>,
    context: ContextText,
    message: string | undefined,
    fields: Fields,
  ): string;
}
