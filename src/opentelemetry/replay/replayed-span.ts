import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { readingOf } from '../../diagnostics/formats/format-table.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import type { Failure } from '../../tracing/failure.ts';
import { Fields } from '../../tracing/fields.ts';
import type { Redactor } from '../../tracing/redactor.ts';
import { VERSION } from '../../version.ts';
import { textOf } from '../../tracing/value.ts';
import { attributesOf, kindOf } from '../layer/attributes.ts';
import type { PoolSpan } from './pool-spans.ts';
import { statusOf } from '../layer/status.ts';

/** A span of a pool in the shape in which OpenTelemetry's SDK, 2 and 3, passes ended spans to exporters. */
export interface ReplayedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  spanContext(): SpanContext;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly ended: boolean;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events: { name: string; time: HrTime; attributes: Attributes; droppedAttributesCount: number }[];
  readonly links: Link[];
  readonly resource: ProducerResource;
  readonly instrumentationScope: { name: string; version: string };
  readonly droppedAttributesCount: number;
  readonly droppedEventsCount: number;
  readonly droppedLinksCount: number;
}

/** The agent and the VM of a producer, as a resource of the SDK. */
export class ProducerResource {
  readonly attributes: Attributes;
  readonly asyncAttributesPending = false;

  constructor(attributes: Attributes) {
    this.attributes = attributes;
  }

  /** `service.name`, `service.version` and `host.id`, as far as they are recorded. */
  static of(diagnostic: Diagnostic): ProducerResource {
    const { agent, vmId } = diagnostic;
    const at = agent.search(readingOf(diagnostic).agentSeparator);
    const attributes: Attributes = { 'service.name': at > 0 ? agent.slice(0, at) : agent };
    if (at > 0) attributes['service.version'] = agent.slice(at + 1);
    if (vmId !== '') attributes['host.id'] = vmId;
    return new ProducerResource(attributes);
  }

  merge(other: { readonly attributes: object } | null): ProducerResource {
    return new ProducerResource({ ...this.attributes, ...other?.attributes });
  }

  getRawAttributes(): [string, Attributes[string]][] {
    return Object.entries(this.attributes);
  }
}

const SCOPE = { name: 'kvp-tracing', version: VERSION };

/** A span of a pool as OpenTelemetryLayer would have exported it. */
export function replayedSpan(span: PoolSpan, resource: ProducerResource, redactor: Redactor): ReplayedSpan {
  const { node, diagnostics, context, parent } = span;
  const redacted = (recorded: object): Fields => {
    const fields = Fields.of(recorded);
    redactor.apply(fields);
    return fields;
  };
  const fields = redacted(node.fields);
  const level = diagnostics.find((one) => one.level !== undefined)?.level;
  const target = diagnostics.find((one) => one.target !== undefined)?.target;
  const start = microsOf(node.start.getTime());
  const end = Math.max(start, microsOf(span.end));
  return {
    name: textOf(fields.get('otel.name') ?? node.name),
    kind: kindOf(fields.get('otel.kind')) ?? SpanKind.INTERNAL,
    spanContext: () => context,
    ...(parent === undefined ? undefined : { parentSpanContext: parent }),
    startTime: hrTimeOf(start),
    endTime: hrTimeOf(end),
    duration: hrTimeOf(end - start),
    ended: true,
    status: statusIn(span, fields),
    attributes: attributesWith(
      { level, target, message: node.message, 'reason.sources': node.sources },
      fields,
    ),
    events: node.events.map((event) => ({
      name: textOf(messageOf(event) ?? event.target ?? event.name),
      time: hrTimeOf(microsOf(event.time.getTime())),
      attributes: attributesWith({ level: event.level, target: event.target }, redacted(event.fields)),
      droppedAttributesCount: 0,
    })),
    links: [],
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function statusIn({ kind, node }: PoolSpan, fields: Fields): SpanStatus {
  if (kind === 'unfinished') return { code: SpanStatusCode.ERROR, message: 'unfinished' };
  return statusOf(fields, failureOf(node)) ?? { code: SpanStatusCode.UNSET };
}

/** Why a span failed: what its finish says, else its last ERROR event, else what cloud-init says of it. */
function failureOf({ result, reason, sources = [], events, message }: TimelineNode): Failure | undefined {
  const error = events.findLast(({ level }) => level === 'ERROR');
  if (result === 'success' || (result === undefined && error === undefined)) return undefined;
  return { reason: reason ?? (error && messageOf(error)) ?? (result && message), sources };
}

/** The message of an event, or that of its error. */
function messageOf({ message, fields }: Diagnostic): string | undefined {
  const error = fields['error'];
  return message ?? (typeof error === 'string' ? error : undefined);
}

/** Attributes as OpenTelemetryLayer makes them, without unknown values. */
function attributesWith(known: Record<string, unknown>, { names, values }: Fields): Attributes {
  const all = new Fields([...Object.keys(known), ...names], [...Object.values(known), ...values]);
  return attributesOf(all, undefined, true);
}

/** Whole microseconds since 1970, within the times that OpenTelemetry can represent. */
function microsOf(milliseconds: number): number {
  return Math.min(Math.max(0, Math.round(milliseconds * 1000)), Number.MAX_SAFE_INTEGER);
}

function hrTimeOf(micros: number): HrTime {
  const seconds = Math.floor(micros / 1e6);
  return [seconds, (micros - seconds * 1e6) * 1000];
}
