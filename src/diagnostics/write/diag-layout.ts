import type { KeyLayout } from '../../pool/key-layout.ts';
import type { DropReport } from '../../pool/pool-writer.ts';
import { flatCopy } from '../../tracing/bounded-cache.ts';
import type { Event } from '../../tracing/event.ts';
import type { Failure } from '../../tracing/failure.ts';
import type { Fields } from '../../tracing/fields.ts';
import type { Metadata } from '../../tracing/metadata.ts';
import type { Span } from '../../tracing/span.ts';
import {
  busyMembers,
  closing,
  nameMember,
  parentMember,
  parentSpanMember,
  PayloadOpenings,
  spanMember,
  traceMembers,
} from './diag-payload.ts';
import { fieldsJson } from './fields-json.ts';
import { DROP_REPORT_NAME, type Layout, type RecordName, type SpanState } from '../layout.ts';
import { checkProducer } from './legal-name.ts';
import { withReason } from './reason-members.ts';

/** `DIAG|agent|vm_id|kind|name|event_id|timestamp|encoding|result|duration|chunk_index` (azure-init doc/diagnostics.md). */
export function diagKeyLayout(agent: string, vmId: string): KeyLayout {
  checkProducer(agent, vmId);
  return { prefix: `DIAG|${agent}|${vmId}|`, word: 'kind', nameMax: 48, details: true, numbered: true };
}

/** The diagnostics contract, for spans and events of this package (azure-init doc/diagnostics.md). */
export class DiagLayout implements Layout {
  readonly keyLayout = diagKeyLayout;
  readonly dropReport: DropReport = { name: DROP_REPORT_NAME, style: 'json' };
  readonly #openings = new PayloadOpenings();

  spanName(span: Span): string {
    return span.name;
  }

  start({ metadata, fields }: Span, { full }: RecordName, parent: Span | undefined): string {
    const members = nameMember(full) + parentMember(parent?.id);
    return fieldsJson(this.#openings.of(metadata), fields, closing(members));
  }

  finish(span: Span, { name, finishRoom }: SpanState, failure: Failure | undefined): string {
    const { metadata, fields, entered, busy, idle, traceId, spanId, parentSpanId } = span;
    const traced = traceMembers(traceId, spanId) + parentSpanMember(parentSpanId);
    const members = nameMember(name.full) + busyMembers(entered, busy, idle) + traced;
    const payload = fieldsJson(this.#openings.of(metadata), fields, closing(members));
    return failure === undefined ? payload : withReason(payload, failure, finishRoom);
  }

  eventInSpan(
    metadata: Metadata,
    message: string | undefined,
    fields: Fields,
    span: Span,
    state: SpanState,
  ): string {
    return fieldsJson(this.#openings.ofEvent(metadata, message), fields, eventClosing(span, state));
  }

  eventOutside({ metadata, message, fields }: Event, { full }: RecordName): string {
    return fieldsJson(this.#openings.ofEvent(metadata, message), fields, closing(nameMember(full)));
  }
}

/** Kept with the span, because its name and ids never change once it is made. */
function eventClosing({ id, traceId, spanId }: Span, state: SpanState): string {
  return (state.eventClosing ??= flatCopy(
    closing(nameMember(state.name.full) + spanMember(id) + traceMembers(traceId, spanId)),
  ));
}
