import { criticalPath } from './critical-path.ts';
import { byTime, type Diagnostic, firstRecord, producerOf } from '../diagnostic.ts';
import { ParentFinder } from './parent-finder.ts';
import { Pairs, type TimelineNode } from './timeline-node.ts';

/** A while in which no span was open. */
export interface Gap {
  start: Date;
  end: Date;
  /** In seconds. */
  duration: number;
}

/** The spans of a pool as trees, those of all its producers side by side. */
export interface Timeline {
  /** By time; spans whose parents are not there, too. */
  roots: TimelineNode[];
  /** What happened outside of the spans that are there. */
  events: Diagnostic[];
  /** The first and last moment; absent when nothing happened. */
  start?: Date;
  end?: Date;
  /** Whiles between roots in which none was open, by time. */
  gaps: Gap[];
  /** The spans that the end had to wait for, by time; one that is within another comes behind it. */
  criticalPath: TimelineNode[];
}

/**
 * Puts starts and finishes together into spans, the spans into trees, and the events where they belong. A parent
 * is known by its id; cloud-init's names are paths; where a producer records neither, a span is in the one
 * that it lies within by time and place in the pool.
 */
export function timeline(diagnostics: Iterable<Diagnostic>): Timeline {
  const pairs = new Pairs();
  const happened: Diagnostic[] = [];
  /** Producers that say which span is in which. */
  const explicit = new Set<string>();
  for (const diagnostic of diagnostics) {
    if (saysWhere(diagnostic)) explicit.add(producerOf(diagnostic));
    if (diagnostic.kind === 'event') happened.push(diagnostic);
    else pairs.add(diagnostic);
  }

  const spans = pairs.spans();
  const byId = new Map<string, TimelineNode>();
  for (const { node, from } of spans) {
    // By the id alone, too: what one producer began another may go on with.
    for (const key of [idKey(from, from.id), from.id]) if (!byId.has(key)) byId.set(key, node);
  }
  const byIdFor = (from: Diagnostic, id: string): TimelineNode | undefined =>
    byId.get(idKey(from, id)) ?? byId.get(id);
  const enclosure = new ParentFinder(spans, happened);
  const parents = new Map<TimelineNode, TimelineNode | undefined>();
  for (const { node, from, parent } of spans) {
    if (parent !== undefined) parents.set(node, byIdFor(from, parent));
    else parents.set(node, explicit.has(producerOf(from)) ? undefined : enclosure.parentOf(node, from));
  }

  const events: Diagnostic[] = [];
  for (const event of happened) {
    let span: TimelineNode | undefined;
    if (event.span !== undefined) span = byIdFor(event, event.span);
    else if (!explicit.has(producerOf(event))) span = enclosure.spanOf(event);
    (span?.events ?? events).push(event);
  }
  events.sort(byTime);
  for (const { events: own } of parents.keys()) own.sort(byTime);
  const roots = plant(parents);
  return {
    roots,
    events,
    ...range(parents.keys(), happened),
    gaps: gapsOf(roots),
    criticalPath: criticalPath(roots),
  };
}

/** Whether its producer records parents: one that knows how often spans were entered is of this package. */
function saysWhere({ parent, span, entered }: Diagnostic): boolean {
  return parent !== undefined || span !== undefined || entered !== undefined;
}

function idKey(diagnostic: Diagnostic, id: string): string {
  return `${producerOf(diagnostic)}|${id}`;
}

/** Hangs each span under its parent, in order; those without one, and one of each cycle, are roots. */
function plant(parents: ReadonlyMap<TimelineNode, TimelineNode | undefined>): TimelineNode[] {
  const roots: TimelineNode[] = [];
  const walks = new Map<TimelineNode, number>();
  const inCycle = new Set<TimelineNode>();
  const ordered = [...parents.keys()].sort(byStart);
  ordered.forEach((first, walk) => {
    // Upwards until a root or where somebody was; where this walk itself was, a cycle closes.
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

/** One that never ended covers what comes after it: who knows when it was cut off. */
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
