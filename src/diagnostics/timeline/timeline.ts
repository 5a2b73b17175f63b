import { OptionError } from '../../errors.ts';
import { criticalPath } from './critical-path.ts';
import { type Diagnostic, firstRecord, producerOf, sortEvents, STEP_MIN } from '../diagnostic.ts';
import { ParentFinder } from './parent-finder.ts';
import { type FoundSpan, Pairs, type TimelineNode } from './timeline-node.ts';
import { Date } from '../../tracing/timers.ts';

/** A period in which no span was open. */
export interface Gap {
  start: Date;
  end: Date;
  /** In seconds. */
  duration: number;
}

/** The spans of all producers of a pool, as trees. */
export interface Timeline {
  /** Spans without a parent, or whose parent is not in the pool, by start. */
  roots: TimelineNode[];
  /** Events outside of any span, or whose span is not in the pool, in the order of a node's `events`. */
  events: Diagnostic[];
  /** The first moment; absent if there are neither spans nor events. */
  start?: Date;
  /** The last moment; absent as `start`. */
  end?: Date;
  /** Periods between roots in which no root was open, by time. */
  gaps: Gap[];
  /** The spans that the end had to wait for, by time; a span comes before its children. */
  criticalPath: TimelineNode[];
}

/**
 * Pairs starts and finishes to spans, and puts spans under their parents and events into their spans. A parent or
 * span that is recorded is found by its id, and a span of another program by OpenTelemetry's. If a producer records none, the rule of the format applies: names of
 * cloud-init's spans are paths, all others are nested by time and place in the pool.
 *
 * @example
 * ```ts
 * const { roots } = timeline((await readDiagnostics('pool')).diagnostics);
 * for (const { name, children } of roots) console.log(name, children.length);
 * ```
 */
export function timeline(diagnostics: Iterable<Diagnostic>): Timeline {
  if (typeof Object(diagnostics)[Symbol.iterator] !== 'function' || typeof diagnostics === 'string') {
    throw new OptionError('diagnostics', diagnostics, 'a list of what readDiagnostics() found');
  }
  const pairs = new Pairs();
  const allEvents: Diagnostic[] = [];
  /** Producers that record parents of spans and spans of events. */
  const explicit = new Set<string>();
  for (const diagnostic of diagnostics) {
    if (recordsParents(diagnostic)) explicit.add(producerOf(diagnostic));
    if (diagnostic.kind === 'event') allEvents.push(diagnostic);
    else pairs.add(diagnostic);
  }

  const spans = pairs.spans();
  const byId = new SpansById(spans);
  // Programs that record parents don't need it.
  let made: ParentFinder | undefined;
  const finder = (): ParentFinder => (made ??= new ParentFinder(spans, allEvents));
  let traced: SpansByTrace | undefined;
  const callerOf = ({ traceId, parentSpanId }: Diagnostic): TimelineNode | undefined => {
    if (traceId === undefined || parentSpanId === undefined) return undefined;
    return (traced ??= new SpansByTrace(spans, allEvents, byId)).find(traceId, parentSpanId);
  };
  const parents = new Map<TimelineNode, TimelineNode | undefined>();
  for (const { node, from, to, parent } of spans) {
    const caller = callerOf(to) ?? callerOf(from);
    if (caller !== undefined) parents.set(node, caller);
    else if (parent !== undefined) parents.set(node, byId.find(from, parent));
    else parents.set(node, explicit.has(producerOf(from)) ? undefined : finder().parentOf(node, from));
  }

  const events: Diagnostic[] = [];
  for (const event of allEvents) {
    let span: TimelineNode | undefined;
    if (event.span !== undefined) span = byId.find(event, event.span);
    else if (!explicit.has(producerOf(event))) span = finder().spanOf(event);
    (span?.events ?? events).push(event);
  }
  sortEvents(events, STEP_MIN);
  // A span is one thread of what happened: its events were written as they happened.
  for (const { events: own } of parents.keys()) if (own.length > 1) sortEvents(own, 0);
  const roots = rootsOf(parents);
  return {
    roots,
    events,
    ...range(parents.keys(), allEvents),
    gaps: gapsOf(roots),
    criticalPath: criticalPath(roots),
  };
}

/**
 * Whether its producer records the parents of all spans, as layers do: only they record targets, and how often a span
 * was entered. A program without spans may record some.
 */
function recordsParents({ parent, span, entered, target }: Diagnostic): boolean {
  return entered !== undefined || (target !== undefined && (parent ?? span) !== undefined);
}

/** Finds spans by their ids: the producer's own, else the first one of another, which it may continue. */
class SpansById {
  readonly #firsts = new Map<string, FoundSpan>();
  /** Spans of an id that another producer had before. */
  readonly #others = new Map<string, TimelineNode>();

  constructor(spans: readonly FoundSpan[]) {
    for (const span of spans) {
      const { node, from } = span;
      const first = this.#firsts.get(from.id);
      if (first === undefined) this.#firsts.set(from.id, span);
      else if (producerOf(first.from) !== producerOf(from)) {
        const key = idKey(from, from.id);
        if (!this.#others.has(key)) this.#others.set(key, node);
      }
    }
  }

  find(from: Diagnostic, id: string): TimelineNode | undefined {
    const first = this.#firsts.get(id);
    if (first === undefined || this.#others.size === 0) return first?.node;
    const isOwn = producerOf(first.from) === producerOf(from);
    return isOwn ? first.node : (this.#others.get(idKey(from, id)) ?? first.node);
  }
}

/** Finds spans by OpenTelemetry's ids, by which programs and instrumentations that know nothing of each other are one trace. */
class SpansByTrace {
  readonly #nodes = new Map<string, TimelineNode>();

  constructor(spans: readonly FoundSpan[], events: readonly Diagnostic[], byId: SpansById) {
    for (const { node, from, to } of spans) for (const half of [from, to]) this.#add(half, node);
    // A span that has not ended may have its ids in its events alone.
    for (const event of events) {
      if (event.span !== undefined) this.#add(event, byId.find(event, event.span));
    }
  }

  #add({ traceId, spanId }: Diagnostic, node: TimelineNode | undefined): void {
    if (traceId === undefined || spanId === undefined || node === undefined) return;
    const key = traceKey(traceId, spanId);
    if (!this.#nodes.has(key)) this.#nodes.set(key, node);
  }

  find(traceId: string, spanId: string): TimelineNode | undefined {
    return this.#nodes.get(traceKey(traceId, spanId));
  }
}

function traceKey(traceId: string, spanId: string): string {
  return `${traceId}|${spanId}`;
}

function idKey(diagnostic: Diagnostic, id: string): string {
  return `${producerOf(diagnostic)}|${id}`;
}

/** Puts each span among the children of its parent, by start; a span without one, and one span of each cycle, is a root. */
function rootsOf(parents: ReadonlyMap<TimelineNode, TimelineNode | undefined>): TimelineNode[] {
  const roots: TimelineNode[] = [];
  const walks = new Map<TimelineNode, number>();
  const inCycle = new Set<TimelineNode>();
  const ordered = [...parents.keys()].sort(byStart);
  ordered.forEach((first, walk) => {
    // Upwards to a root or to a span that was visited before; if this walk visited it, there is a cycle.
    let node: TimelineNode | undefined = first;
    for (; node !== undefined && !walks.has(node); node = parents.get(node)) walks.set(node, walk);
    if (node !== undefined && walks.get(node) === walk) inCycle.add(node);
  });
  for (const node of ordered) {
    const parent = inCycle.has(node) ? undefined : parents.get(node);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

function byStart(one: TimelineNode, other: TimelineNode): number {
  return one.start.getTime() - other.start.getTime() || firstRecord(one) - firstRecord(other);
}

function range(nodes: Iterable<TimelineNode>, events: Diagnostic[]): Pick<Timeline, 'start' | 'end'> {
  let first = Infinity;
  let last = -Infinity;
  for (const { start, end = start } of nodes) {
    first = Math.min(first, start.getTime(), end.getTime());
    last = Math.max(last, start.getTime(), end.getTime());
  }
  for (const { time } of events) {
    first = Math.min(first, time.getTime());
    last = Math.max(last, time.getTime());
  }
  return first > last ? {} : { start: new Date(first), end: new Date(last) };
}

/** A span that never ended leaves no gap after it: nobody knows when it was cut off. */
function gapsOf(roots: readonly TimelineNode[]): Gap[] {
  const gaps: Gap[] = [];
  let covered = roots[0]?.start.getTime() ?? 0;
  for (const { start, end } of roots) {
    const from = start.getTime();
    if (from > covered)
      gaps.push({ start: new Date(covered), end: start, duration: (from - covered) / 1000 });
    covered = Math.max(covered, from, end?.getTime() ?? Infinity);
  }
  return gaps;
}
