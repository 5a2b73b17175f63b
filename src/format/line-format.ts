import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';

/** What the lines inside of a span say of it. */
export interface SpanText {
  /** What stands before the target. */
  readonly before: string;
  /** What stands behind the event's fields. */
  readonly behind: string;
}

/** What the spans around an event say, put together. */
export interface ContextText {
  before: string;
  behind: string;
}

/** How an event becomes text. */
export interface LineFormat {
  /** What is kept with a span until its fields change. */
  spanText(span: Span): SpanText;
  /** Puts a span's scope around those of the spans inside of it. */
  enclose(scopes: ContextText, scope: SpanText): void;
  /** The text, with its line feed; `micros` since 1970. */
  line(
    micros: number,
    metadata: Metadata,
    scopes: ContextText,
    message: string | undefined,
    fields: Fields,
  ): string;
}
