import { Level } from '../../tracing/level.ts';
import { byRecord, byTime, type Diagnostic, producerOf } from '../diagnostic.ts';
import { readingOf } from '../formats/format-table.ts';
import { Date } from '../../tracing/timers.ts';

/** A span, its events and its children. */
export interface TimelineNode {
  name: string;
  agent: string;
  id: string;
  /** If the start is missing: the end less the duration. */
  start: Date;
  /** Absent if the span has no finish. */
  end?: Date;
  /** In seconds, by the producer's monotonic clock; differs from `end` less `start` if the time was set meanwhile. */
  duration?: number;
  /** `'wall'`: the producer records no duration, so it is `end` less `start`, as by cloud-init before 26. */
  clock?: 'wall';
  result?: 'success' | 'fail';
  /** Why it failed, if the producer says it. */
  reason?: string;
  /** The messages of the causes of `reason`, the nearest first. */
  sources?: string[];
  /** In upper case; `INFO` where none is recorded. */
  level: string;
  /** The fields of the start, changed and added to by those of the finish; has no prototype. */
  fields: Record<string, unknown>;
  /** What cloud-init says of the span: of its finish, else of its start. */
  message?: string;
  /** By time, then by their records in the pool; those of one producer in its order, even if its clock was set back. */
  events: Diagnostic[];
  /** By start, then by their records in the pool. */
  children: TimelineNode[];
  /** `'unfinished'`: the program was killed, or the finish was lost. */
  state: 'finished' | 'unfinished' | 'start-missing';
  /** The numbers of its start's and finish's records in the pool. */
  records: number[];
}

/** A span with what is needed to find its parent. */
export interface FoundSpan {
  node: TimelineNode;
  /** Its start, else its finish. */
  from: Diagnostic;
  /** Its finish, else its start. */
  to: Diagnostic;
  /** The id of its parent, if that is recorded. */
  parent: string | undefined;
}

/** Pairs starts and finishes to spans. */
export class Pairs {
  /** By what the start and the finish of a span share; several spans may have the same. */
  readonly #halves: Diagnostic[][] = [];
  /** By producer, then by id and name. */
  readonly #known = new Map<string, Map<string, Diagnostic[]>>();

  add(diagnostic: Diagnostic): void {
    const { id, name } = diagnostic;
    const producer = producerOf(diagnostic);
    let own = this.#known.get(producer);
    if (own === undefined) this.#known.set(producer, (own = new Map()));
    const key = `${readingOf(diagnostic).pairing === 'id' ? id : ''}|${name}`;
    const known = own.get(key);
    if (known !== undefined) known.push(diagnostic);
    else {
      const halves = [diagnostic];
      own.set(key, halves);
      this.#halves.push(halves);
    }
  }

  spans(): FoundSpan[] {
    return this.#halves.flatMap((halves) =>
      readingOf(halves[0] as Diagnostic).pairing === 'id' ? pairedByCount(halves) : pairedByTime(halves),
    );
  }
}

/** The first start belongs to the first finish, the second to the second. */
function pairedByCount(halves: readonly Diagnostic[]): FoundSpan[] {
  const [one, other] = halves;
  if (halves.length === 1 && one !== undefined) {
    return [one.kind === 'start' ? spanOf(one, undefined) : spanOf(undefined, one)];
  }
  if (halves.length === 2 && one?.kind === 'start' && other?.kind === 'finish') return [spanOf(one, other)];
  const starts = halves.filter(({ kind }) => kind === 'start');
  const finishes = halves.filter(({ kind }) => kind === 'finish');
  const count = Math.max(starts.length, finishes.length);
  return Array.from({ length: count }, (_, i) => spanOf(starts[i], finishes[i]));
}

/** A finish belongs to the last start before it: an earlier start without a finish was cut off. */
function pairedByTime(halves: readonly Diagnostic[]): FoundSpan[] {
  const spans: FoundSpan[] = [];
  const pair = (ordered: readonly Diagnostic[]): Diagnostic[] => {
    const left: Diagnostic[] = [];
    for (const half of ordered) {
      if (half.kind === 'finish' && left.at(-1)?.kind === 'start') spans.push(spanOf(left.pop(), half));
      else left.push(half);
    }
    return left;
  };
  // If the clock was set back meanwhile, only the order of the records tells which came first.
  const left = pair(halves.toSorted(byTime)).sort(byRecord);
  for (const half of pair(left)) {
    spans.push(half.kind === 'start' ? spanOf(half, undefined) : spanOf(undefined, half));
  }
  return spans;
}

function spanOf(start: Diagnostic | undefined, finish: Diagnostic | undefined): FoundSpan {
  const from = (start ?? finish) as Diagnostic;
  const to = (finish ?? start) as Diagnostic;
  return { node: nodeOf(start, finish), from, to, parent: start?.parent ?? finish?.parent };
}

function nodeOf(start: Diagnostic | undefined, finish: Diagnostic | undefined): TimelineNode {
  const first = (start ?? finish) as Diagnostic;
  const fields = Object.assign(Object.create(null), start?.fields, finish?.fields) as Record<string, unknown>;
  // If a finish has an `end`, its `time` is the start.
  const hasStart = start !== undefined || finish?.end !== undefined;
  const node: TimelineNode = {
    name: first.name,
    agent: first.agent,
    id: first.id,
    start: hasStart ? first.time : startOf(first),
    level: start?.level ?? finish?.level ?? Level.INFO,
    fields,
    events: [],
    children: [],
    state: !hasStart ? 'start-missing' : finish === undefined ? 'unfinished' : 'finished',
    records: [...(start?.records ?? []), ...(finish?.records ?? [])],
  };
  const message = finish?.message ?? start?.message;
  if (message !== undefined) node.message = message;
  if (finish !== undefined) {
    node.end = finish.end ?? finish.time;
    const elapsed = node.end.getTime() - node.start.getTime();
    if (finish.duration !== undefined) node.duration = finish.duration;
    // A clock that was set back measures nothing.
    else if (start !== undefined && elapsed >= 0)
      Object.assign(node, { duration: elapsed / 1000, clock: 'wall' });
    if (finish.result !== undefined) node.result = finish.result;
    if (finish.reason !== undefined) node.reason = finish.reason;
    if (finish.sources !== undefined) node.sources = finish.sources;
  }
  return node;
}

/** When the span of a finish began. */
function startOf({ time, duration = 0 }: Diagnostic): Date {
  const start = new Date(time.getTime() - duration * 1000);
  // A duration may reach back before the earliest `Date`.
  return Number.isNaN(start.getTime()) ? time : start;
}
