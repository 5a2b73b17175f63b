import type { KeyLayout } from '../../pool/key-layout.ts';
import type { DropReport } from '../../pool/pool-writer.ts';
import type { Event } from '../../tracing/event.ts';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import type { Span } from '../../tracing/span.ts';

/**
 * A format of records: `diag` is azure-init's diagnostics contract, `azure-init` what azure-init 0.1 writes.
 */
export type Format = 'diag' | 'azure-init';

/** A name of records: its handle and text, and the full one where a key can't hold it. */
export interface RecordName {
  readonly handle: number;
  readonly name: string;
  readonly full: string | undefined;
}

/** What is kept with a span for its records. */
export interface SpanState extends RecordName {
  /** What ends the payload of its events, once it was needed. */
  eventTail: string | undefined;
  sawError: boolean;
}

/** What a format makes of spans and events: the keys, names and payloads of their records. */
export interface Layout {
  /** How its keys are laid out; throws `FieldError` for an `agent` or `vmId` that can't stand in them. */
  keyLayout(agent: string, vmId: string): KeyLayout;
  readonly dropReport: DropReport;
  spanName(span: Span): string;
  /** Of a span's start; absent where starts are not written. */
  start?(span: Span, named: RecordName, parent: Span | undefined): string;
  finish(span: Span, named: RecordName): string;
  /** Of an event in a span. */
  inside(
    metadata: Metadata,
    message: string | undefined,
    fields: Fields,
    span: Span,
    state: SpanState,
  ): string;
  /** Of an event outside of any span, which has its target for a name; absent where those are not written. */
  outside?(event: Event, named: RecordName): string;
}
