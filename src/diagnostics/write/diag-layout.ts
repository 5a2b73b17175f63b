import type { KeyLayout } from '../../pool/key-layout.ts';
import type { DropReport } from '../../pool/pool-writer.ts';
import type { Event } from '../../tracing/event.ts';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import type { Span } from '../../tracing/span.ts';
import { checkProducer } from './legal-name.ts';
import type { Layout, RecordName, SpanState } from './layout.ts';
import { fieldsJson, inOnePiece, quote } from './fields-json.ts';

/** Targets and messages that are kept; a program that makes them up as it goes pays for them each time. */
const CACHED_MAX = 1024;
/** Longer messages are spelled each time. */
const CACHED_LENGTH = 128;

/** `DIAG|agent|vm_id|kind|name|event_id|timestamp|encoding|result|duration|chunk_index` (azure-init doc/diagnostics.md). */
export function diagKeyLayout(agent: string, vmId: string): KeyLayout {
  checkProducer(agent, vmId);
  return { prefix: `DIAG|${agent}|${vmId}|`, word: 'kind', nameMax: 48, details: true, numbered: true };
}

/** The diagnostics contract, whose payloads are JSON texts (azure-init doc/diagnostics.md). */
export class DiagLayout implements Layout {
  readonly keyLayout = diagKeyLayout;
  readonly dropReport: DropReport = { name: 'telemetry:dropped', style: 'json' };
  /** Of targets: what payloads at each level start with, up to the first field. */
  readonly #heads = new Map<string, string[]>();
  /** Of messages: what payloads with that message start with, if it comes from that target and level. */
  readonly #starts = new Map<string, { head: string; start: string }>();

  spanName(span: Span): string {
    return span.name;
  }

  start(span: Span, named: RecordName, parent: Span | undefined): string {
    const tail = parent === undefined ? '' : `,"parent":"${parent.id}"`;
    return fieldsJson(this.#head(span.metadata), span.fields, `}${fullName(named)}${tail}}`);
  }

  finish(span: Span, named: RecordName): string {
    const times = `,"entered":${span.entered},"busy":${secondsOf(span.busy)},"idle":${secondsOf(span.idle)}`;
    const end = `}${fullName(named)}${times}${traceOf(span)}}`;
    return fieldsJson(this.#head(span.metadata), span.fields, end);
  }

  inside(
    metadata: Metadata,
    message: string | undefined,
    fields: Fields,
    span: Span,
    state: SpanState,
  ): string {
    return fieldsJson(this.#start(metadata, message), fields, tailOf(span, state));
  }

  outside({ metadata, message, fields }: Event, named: RecordName): string {
    return fieldsJson(this.#start(metadata, message), fields, `}${fullName(named)}}`);
  }

  #head(metadata: Metadata): string {
    let heads = this.#heads.get(metadata.target);
    if (heads === undefined) {
      if (this.#heads.size >= CACHED_MAX) this.#heads.clear();
      this.#heads.set(metadata.target, (heads = []));
    }
    return (heads[metadata.verbosity] ??= inOnePiece(
      `{"target":${quote(metadata.target)},"level":"${metadata.level}","fields":{`,
    ));
  }

  /** A payload up to its first field behind the message. */
  #start(metadata: Metadata, message: string | undefined): string {
    const head = this.#head(metadata);
    if (message === undefined) return head;
    const known = this.#starts.get(message);
    if (known?.head === head) return known.start;
    const start = `${head}"message":${quote(message)}`;
    if (known === undefined && this.#starts.size < CACHED_MAX && message.length <= CACHED_LENGTH)
      this.#starts.set(message, { head, start: inOnePiece(start) });
    return start;
  }
}

/** `,"name":"…"` where the key can't hold the whole name. */
export function fullName({ full }: RecordName): string {
  return full === undefined ? '' : `,"name":${quote(full)}`;
}

/** What ends the payload of a span's events; kept, because trace ids never change once the span is made. */
function tailOf(span: Span, state: SpanState): string {
  return (state.eventTail ??= inOnePiece(`}${fullName(state)},"span":"${span.id}"${traceOf(span)}}`));
}

function traceOf(span: Span): string {
  return span.traceId === undefined ? '' : `,"trace_id":"${span.traceId}","span_id":"${span.spanId}"`;
}

function secondsOf(milliseconds: number): number {
  return Number((milliseconds / 1000).toFixed(6));
}
