import { Level } from '../tracing/level.ts';
import type { Diagnostic } from './diagnostic.ts';

/** A span with what happened in it. */
export interface TimelineNode {
  name: string;
  agent: string;
  id: string;
  /** Where the start is missing: the end less the duration. */
  start: Date;
  end?: Date;
  /** In seconds. */
  duration?: number;
  result?: 'success' | 'fail';
  /** In upper case; `INFO` where nothing is known. */
  level: string;
  /** Those of the start, changed and added to by the finish; has no prototype. */
  fields: Record<string, unknown>;
  /** By time, then by their place in the pool, as `children`. */
  events: Diagnostic[];
  children: TimelineNode[];
  state: 'finished' | 'unfinished' | 'start-missing';
  /** Which records of the pool its start and finish lie in. */
  records: number[];
}

/** The spans of a pool as trees. */
export interface Timeline {
  /** Spans whose parents are not there, too. */
  roots: TimelineNode[];
  /** What happened outside of the spans that are there. */
  events: Diagnostic[];
  /** The first and last moment; absent when nothing happened. */
  start?: Date;
  end?: Date;
}

/** Puts starts and finishes together into spans, the spans into trees, and the events where they belong. */
export function timeline(diagnostics: Iterable<Diagnostic>): Timeline {
  const spans = new Map<string, { key: string; starts: Diagnostic[]; finishes: Diagnostic[] }>();
  const happened: Diagnostic[] = [];
  for (const diagnostic of diagnostics) {
    if (diagnostic.kind === 'event') {
      happened.push(diagnostic);
      continue;
    }
    const key = keyOf(diagnostic, diagnostic.id);
    // Start and finish share agent, VM, id and name: azure-init doc/diagnostics.md, "Timing and Correlation".
    const pair = `${key}|${diagnostic.name}`;
    let span = spans.get(pair);
    if (span === undefined) spans.set(pair, (span = { key, starts: [], finishes: [] }));
    (diagnostic.kind === 'start' ? span.starts : span.finishes).push(diagnostic);
  }

  const nodes = new Map<string, TimelineNode>();
  const parents = new Map<TimelineNode, string | undefined>();
  for (const { key, starts, finishes } of spans.values()) {
    // An id that is used again: the first start belongs to the first finish, and so on.
    for (let i = 0; i < Math.max(starts.length, finishes.length); i++) {
      const start = starts[i];
      const finish = finishes[i];
      const node = nodeOf(start, finish);
      if (!nodes.has(key)) nodes.set(key, node);
      const parent = start?.parent ?? finish?.parent;
      parents.set(node, parent === undefined ? undefined : keyOf((start ?? finish) as Diagnostic, parent));
    }
  }

  const events: Diagnostic[] = [];
  for (const event of happened) {
    const span = event.span === undefined ? undefined : nodes.get(keyOf(event, event.span));
    (span?.events ?? events).push(event);
  }
  const roots = plant(parents, nodes);
  events.sort(byTime);
  for (const { events: own } of parents.keys()) own.sort(byTime);
  return { roots, events, ...range([...parents.keys()], happened) };
}

/** Ids are only told apart by who uses them. */
function keyOf({ vmId, agent }: Diagnostic, id: string): string {
  return `${vmId}|${agent}|${id}`;
}

function nodeOf(start: Diagnostic | undefined, finish: Diagnostic | undefined): TimelineNode {
  const first = (start ?? finish) as Diagnostic;
  const fields = Object.assign(Object.create(null), start?.fields, finish?.fields) as Record<string, unknown>;
  const node: TimelineNode = {
    name: first.name,
    agent: first.agent,
    id: first.id,
    start: start?.time ?? before(first),
    level: start?.level ?? finish?.level ?? Level.INFO,
    fields,
    events: [],
    children: [],
    state: start === undefined ? 'start-missing' : finish === undefined ? 'unfinished' : 'finished',
    records: [...(start?.records ?? []), ...(finish?.records ?? [])],
  };
  if (finish !== undefined) {
    node.end = finish.time;
    if (finish.duration !== undefined) node.duration = finish.duration;
    if (finish.result !== undefined) node.result = finish.result;
  }
  return node;
}

function before({ time, duration = 0 }: Diagnostic): Date {
  const start = new Date(time.getTime() - duration * 1000);
  // A duration may be longer than there is time.
  return Number.isNaN(start.getTime()) ? time : start;
}

/** Hangs each span under its parent, in order; those without one, and one of each cycle, are roots. */
function plant(
  parents: ReadonlyMap<TimelineNode, string | undefined>,
  nodes: ReadonlyMap<string, TimelineNode>,
): TimelineNode[] {
  const roots: TimelineNode[] = [];
  const walks = new Map<TimelineNode, number>();
  const inCycle = new Set<TimelineNode>();
  const parentOf = (node: TimelineNode): TimelineNode | undefined => nodes.get(parents.get(node) ?? '');
  const ordered = [...parents.keys()].sort(byStart);
  ordered.forEach((first, walk) => {
    // Upwards until a root or where somebody was; where this walk itself was, a cycle closes.
    let node: TimelineNode | undefined = first;
    for (; node !== undefined && !walks.has(node); node = parentOf(node)) walks.set(node, walk);
    if (node !== undefined && walks.get(node) === walk) inCycle.add(node);
  });
  for (const node of ordered) {
    const parent = inCycle.has(node) ? undefined : parentOf(node);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

function byTime(one: Diagnostic, other: Diagnostic): number {
  return one.time.getTime() - other.time.getTime() || (one.records[0] ?? 0) - (other.records[0] ?? 0);
}

function byStart(one: TimelineNode, other: TimelineNode): number {
  return one.start.getTime() - other.start.getTime() || (one.records[0] ?? 0) - (other.records[0] ?? 0);
}

function range(nodes: TimelineNode[], events: Diagnostic[]): Pick<Timeline, 'start' | 'end'> {
  let first = Infinity;
  let last = -Infinity;
  for (const { start, end } of nodes) {
    first = Math.min(first, start.getTime());
    last = Math.max(last, (end ?? start).getTime());
  }
  for (const { time } of events) {
    first = Math.min(first, time.getTime());
    last = Math.max(last, time.getTime());
  }
  return first > last ? {} : { start: new Date(first), end: new Date(last) };
}
