import type { KeyLayout } from '../pool/key-layout.ts';
import type { DropReport } from '../pool/pool-writer.ts';
import type { Event } from '../tracing/event.ts';
import type { Failure } from '../tracing/failure.ts';
import type { Fields } from '../tracing/fields.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';

/** The name of the event that says what a writer dropped. */
export const DROP_REPORT_NAME = 'telemetry:dropped';

/** A name that keys can hold, and the writer's handle for it. */
export interface RecordName {
  readonly text: string;
  /** The full name if `text` is not it. */
  readonly full: string | undefined;
  /** 0 if the writer knows too many names: it takes the text then. */
  readonly handle: number;
}

/** What a layer keeps with a span. */
export interface SpanState {
  readonly name: RecordName;
  /** The end of the payloads of its events, once one was needed. */
  eventClosing: string | undefined;
  /** The last ERROR event in it. */
  lastError: Event | undefined;
  /** How many bytes its finish has in the records that its start reserves. */
  finishRoom: number;
}

/** What a format makes of spans and events: the keys, names and payloads of their records. */
export interface Layout {
  /** The layout of its keys. Throws `FieldError` for an `agent` or `vmId` that no key can hold. */
  keyLayout(agent: string, vmId: string): KeyLayout;
  readonly dropReport: DropReport;
  /** The name of a span's records and of those of its events. */
  spanName(span: Span): string;
  /** The payload of a span's start; absent if the format has no starts. */
  start?(span: Span, name: RecordName, parent: Span | undefined): string;
  /** The payload of a span's finish; `failure` says why it failed, if it did. */
  finish(span: Span, state: SpanState, failure: Failure | undefined): string;
  /** The payload of an event in a span. */
  eventInSpan(
    metadata: Metadata,
    message: string | undefined,
    fields: Fields,
    span: Span,
    state: SpanState,
  ): string;
  /** The payload of an event outside of any span, named after its target; absent if the format has none. */
  eventOutside?(event: Event, name: RecordName): string;
}
