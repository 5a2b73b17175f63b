import { hash } from 'node:crypto';
import { isValidSpanId, isValidTraceId, type SpanContext, TraceFlags } from '@opentelemetry/api';
import { byRecord, type Diagnostic, firstRecord } from '../../diagnostics/diagnostic.ts';
import { timeline } from '../../diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';

/** A span of a pool with its ids; or an event outside of spans, as a span of no length. */
export interface PoolSpan {
  readonly kind: 'finished' | 'unfinished' | 'event';
  readonly node: TimelineNode;
  /** Its start and finish, or the event. */
  readonly diagnostics: readonly [Diagnostic, ...Diagnostic[]];
  /** Identifies it in a cursor, whichever ids are recorded. */
  readonly key: string;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  /** When it ended, or if it did not, the time of the last event in it; in milliseconds since 1970. */
  end: number;
}

type Ids = Pick<SpanContext, 'traceId' | 'spanId'>;

/** A node before its ids are known. */
interface Found extends Pick<PoolSpan, 'kind' | 'node' | 'diagnostics'> {
  readonly around: TimelineNode | undefined;
}

/**
 * The spans of a pool and its events outside of spans, parents before their children. Each has its recorded ids; if
 * none are recorded, ids made from its event_id, which are always the same.
 */
export function poolSpans(diagnostics: readonly Diagnostic[]): PoolSpan[] {
  const { roots, events } = timeline(diagnostics);
  const found = [...walk(roots, diagnostics), ...events.map(alone)];
  const ids = idsOf(found);
  const spans = new Map<TimelineNode, PoolSpan>();
  for (const { around, ...one } of found) {
    const { derived, recorded } = ids.get(one.node) as OwnIds;
    let parent = around === undefined ? undefined : spans.get(around)?.context;
    // The ids recorded in an event are those of its span.
    if (one.kind === 'event' && recorded !== undefined) parent = contextOf(recorded);
    const own = one.kind === 'event' ? undefined : recorded;
    const traceId = own?.traceId ?? parent?.traceId ?? derived.traceId;
    const context = contextOf({ traceId, spanId: own?.spanId ?? derived.spanId });
    // A span that joined another trace has its parent there, which may be in no pool.
    if (one.kind !== 'event' && own !== undefined) parent = callerIn(one.diagnostics, own) ?? parent;
    if (parent?.traceId !== traceId) parent = undefined;
    spans.set(one.node, { ...one, key: derived.spanId, context, parent, end: endOf(one.node) });
  }
  for (const { around, node, kind } of found.toReversed()) {
    const outer = around === undefined ? undefined : spans.get(around);
    if (kind === 'unfinished') extend(spans.get(node), lastEventOf(node));
    if (outer?.kind === 'unfinished') extend(outer, spans.get(node)?.end);
  }
  return [...spans.values()];
}

/** Walks trees of spans from their roots. No recursion: spans may be nested as deep as there are records. */
function* walk(roots: readonly TimelineNode[], diagnostics: readonly Diagnostic[]): Iterable<Found> {
  const byFirstRecord = new Map(diagnostics.map((diagnostic) => [firstRecord(diagnostic), diagnostic]));
  const level = roots.map((node) => ({ node, around: undefined as TimelineNode | undefined }));
  // The list grows while it is read.
  for (const { node, around } of level) {
    const own = node.records.flatMap((record) => byFirstRecord.get(record) ?? []);
    const kind = node.end === undefined ? 'unfinished' : 'finished';
    yield { kind, node, diagnostics: own as [Diagnostic], around };
    for (const child of node.children) level.push({ node: child, around: node });
  }
}

function alone(event: Diagnostic): Found {
  const { name, agent, id, time, level = '', records } = event;
  const fields = Object.create(null) as Record<string, unknown>;
  const times = { start: time, end: time, state: 'finished' } as const;
  const node = { name, agent, id, level, fields, ...times, events: [event], children: [], records };
  return { kind: 'event', node, diagnostics: [event], around: undefined };
}

function endOf({ start, end, duration }: TimelineNode): number {
  if (duration !== undefined) return start.getTime() + duration * 1000;
  return Math.max(start.getTime(), end?.getTime() ?? 0);
}

function lastEventOf({ events }: TimelineNode): number {
  return events.at(-1)?.time.getTime() ?? 0;
}

function extend(span: PoolSpan | undefined, end: number | undefined): void {
  if (span !== undefined && end !== undefined) span.end = Math.max(span.end, end);
}

interface OwnIds {
  readonly derived: Ids;
  readonly recorded: Ids | undefined;
}

/** Made in the order of the pool, so that later records change no ids. */
function idsOf(found: readonly Found[]): Map<TimelineNode, OwnIds> {
  const ids = new Map<TimelineNode, OwnIds>();
  const counts = new Map<string, number>();
  const taken = new Set<string>();
  const ordered = found.toSorted((one, other) => byRecord(one.node, other.node));
  for (const { kind, node, diagnostics } of ordered) {
    const [{ vmId, agent, id, name }] = diagnostics;
    const identity = JSON.stringify([vmId, agent, id, name]);
    const count = counts.get(identity) ?? 0;
    counts.set(identity, count + 1);
    // Reversed, because the finish has them if any record does.
    let recorded = recordedIds([...diagnostics.toReversed(), ...node.events]);
    // Two spans with the same id would be one to the receiver.
    if (kind !== 'event' && recorded !== undefined) {
      if (taken.has(recorded.spanId)) recorded = undefined;
      else taken.add(recorded.spanId);
    }
    ids.set(node, { derived: derivedIds(`${identity}${count}`), recorded });
  }
  return ids;
}

function recordedIds(diagnostics: readonly Diagnostic[]): Ids | undefined {
  for (const { traceId = '', spanId = '' } of diagnostics) {
    const ids = { traceId: traceId.toLowerCase(), spanId: spanId.toLowerCase() };
    if (isValidTraceId(ids.traceId) && isValidSpanId(ids.spanId)) return ids;
  }
  return undefined;
}

/** The span of another program or instrumentation around one with these ids. */
function callerIn(diagnostics: readonly Diagnostic[], { traceId }: Ids): SpanContext | undefined {
  for (const { parentSpanId = '' } of diagnostics) {
    const spanId = parentSpanId.toLowerCase();
    if (isValidSpanId(spanId)) return contextOf({ traceId, spanId });
  }
  return undefined;
}

/** Ids start with 1, because ids of zeros alone are invalid. */
function derivedIds(identity: string): Ids {
  const digits = hash('sha256', identity);
  return { traceId: `1${digits.slice(0, 31)}`, spanId: `1${digits.slice(31, 46)}` };
}

function contextOf(ids: Ids): SpanContext {
  return { ...ids, traceFlags: TraceFlags.SAMPLED };
}
