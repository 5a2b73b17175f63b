import { Level } from '../../tracing/level.ts';
import { byTime, type Diagnostic, firstRecord, producerOf } from '../diagnostic.ts';

/** A span with what happened in it. */
export interface TimelineNode {
  name: string;
  agent: string;
  id: string;
  /** Where the start is missing: the end less the duration. */
  start: Date;
  end?: Date;
  /** In seconds, by the producer's clock: `end` less `start` is something else where the time was set meanwhile. */
  duration?: number;
  result?: 'success' | 'fail';
  /** In upper case; `INFO` where nothing is known. */
  level: string;
  /** Those of the start, changed and added to by the finish; has no prototype. */
  fields: Record<string, unknown>;
  /** What cloud-init says of the span, at its end if it got there. */
  message?: string;
  /** By time, then by their place in the pool, as `children`. */
  events: Diagnostic[];
  children: TimelineNode[];
  /** `'unfinished'`: the program was ended meanwhile, or the finish was lost. */
  state: 'finished' | 'unfinished' | 'start-missing';
  /** Which records of the pool its start and finish lie in. */
  records: number[];
}

/** A span and the diagnostic that says most of where it is from. */
export interface FoundSpan {
  node: TimelineNode;
  from: Diagnostic;
  /** The id of the span around it, where that is recorded. */
  parent: string | undefined;
}

/** Starts and finishes, put together to spans. */
export class Pairs {
  /** By what start and finish of a span share; of several, where an id or a name is used again. */
  readonly #halves = new Map<string, Diagnostic[]>();

  add(diagnostic: Diagnostic): void {
    const { format, id, name } = diagnostic;
    // They share agent, VM, id and name: azure-init doc/diagnostics.md, "Timing and Correlation". cloud-init's
    // share the name alone.
    const key = `${producerOf(diagnostic)}|${format === 'cloud-init' ? '' : id}|${name}`;
    const known = this.#halves.get(key);
    if (known === undefined) this.#halves.set(key, [diagnostic]);
    else known.push(diagnostic);
  }

  spans(): FoundSpan[] {
    return [...this.#halves.values()].flatMap((halves) =>
      halves[0]?.format === 'cloud-init' ? pairedByTime(halves) : pairedByCount(halves),
    );
  }
}

/** The first start belongs to the first finish, and so on. */
function pairedByCount(halves: readonly Diagnostic[]): FoundSpan[] {
  const starts = halves.filter(({ kind }) => kind === 'start');
  const finishes = halves.filter(({ kind }) => kind === 'finish');
  const count = Math.max(starts.length, finishes.length);
  return Array.from({ length: count }, (_, i) => spanOf(starts[i], finishes[i]));
}

/** A finish belongs to the last start before it: one before that was cut off. */
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
  // Where the clock was set back meanwhile, only their places tell which came first.
  const left = pair(halves.toSorted(byTime)).sort((one, other) => firstRecord(one) - firstRecord(other));
  for (const half of pair(left)) {
    spans.push(half.kind === 'start' ? spanOf(half, undefined) : spanOf(undefined, half));
  }
  return spans;
}

function spanOf(start: Diagnostic | undefined, finish: Diagnostic | undefined): FoundSpan {
  const from = (start ?? finish) as Diagnostic;
  return { node: nodeOf(start, finish), from, parent: start?.parent ?? finish?.parent };
}

function nodeOf(start: Diagnostic | undefined, finish: Diagnostic | undefined): TimelineNode {
  const first = (start ?? finish) as Diagnostic;
  const fields = Object.assign(Object.create(null), start?.fields, finish?.fields) as Record<string, unknown>;
  // Where a finish has an end of its own, its time is the start.
  const hasStart = start !== undefined || finish?.end !== undefined;
  const node: TimelineNode = {
    name: first.name,
    agent: first.agent,
    id: first.id,
    start: hasStart ? first.time : before(first),
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
