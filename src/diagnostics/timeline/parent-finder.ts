import { byTime, type Diagnostic, firstRecord, producerOf } from '../diagnostic.ts';
import { readingOf } from '../formats/format-table.ts';
import type { FoundSpan, TimelineNode } from './timeline-node.ts';

/** Spans that are examined to find the innermost one around something: many may overlap without being nested. */
const EXAMINED_MAX = 1000;
/** How many ancestors of a name that is a path are tried; cloud-init's names have two or three. */
const LEVELS_MAX = 32;

/** A point in time; at equal times the lower number of the record comes first. */
interface Point {
  time: number;
  record: number;
}

/** A span and the time that it covers. */
interface Interval {
  node: TimelineNode;
  start: Point;
  end: Point;
}

/** Finds the parents of spans and the spans of events where their producer records none. */
export class ParentFinder {
  readonly #byProducer: ReadonlyMap<string, Intervals>;
  readonly #byName: ReadonlyMap<string, Intervals>;

  constructor(spans: readonly FoundSpan[], events: readonly Diagnostic[]) {
    const firstEvents = new FirstEvents(spans, events);
    const byProducer = new Map<string, Interval[]>();
    const byName = new Map<string, Interval[]>();
    for (const { node, from } of spans) {
      const interval = intervalOf(node);
      const record = firstEvents.recordIn(from);
      if (record !== undefined) interval.start.record = Math.min(interval.start.record, record);
      put(byProducer, producerOf(from), interval);
      put(byName, nameKey(from), interval);
    }
    this.#byProducer = intervalsByKey(byProducer);
    this.#byName = intervalsByKey(byName);
  }

  /** The parent of a span, by the rule of its format. */
  parentOf(node: TimelineNode, from: Diagnostic): TimelineNode | undefined {
    switch (readingOf(from).spanParent) {
      case 'recorded':
        return undefined;
      case 'path':
        return this.#parentByPath(node, from) ?? this.#parentOfPath(node, from);
      case 'interval':
        return this.#byProducer.get(producerOf(from))?.around(node);
    }
  }

  #parentByPath(node: TimelineNode, from: Diagnostic): TimelineNode | undefined {
    const { name } = node;
    let end = name.lastIndexOf('/');
    for (let level = 0; end > 0 && level < LEVELS_MAX; level++, end = name.lastIndexOf('/', end - 1)) {
      const named = this.#byName.get(nameKey({ ...from, name: name.slice(0, end) }));
      const parent = named?.latestAt(intervalOf(node).start);
      if (parent !== undefined) return parent;
    }
    return undefined;
  }

  /** The innermost span around one whose path starts with no span, as `azure-ds/…` of cloud-init does. */
  #parentOfPath(node: TimelineNode, from: Diagnostic): TimelineNode | undefined {
    return node.name.indexOf('/') > 0 ? this.#byProducer.get(producerOf(from))?.around(node) : undefined;
  }

  /** The span that an event happened in, by the rule of its format. */
  spanOf(event: Diagnostic): TimelineNode | undefined {
    const { eventSpan } = readingOf(event);
    if (eventSpan === 'recorded') return undefined;
    const intervals =
      eventSpan === 'name' ? this.#byName.get(nameKey(event)) : this.#byProducer.get(producerOf(event));
    return intervals?.innermostAt({ time: event.time.getTime(), record: firstRecord(event) });
  }
}

/**
 * The first events of spans that have no start in the pool. The only record of such a span is written at its end,
 * so that its events come before it; the span began before the first of them.
 */
class FirstEvents {
  readonly #byName = new Map<string, Diagnostic[]>();

  constructor(spans: readonly FoundSpan[], events: readonly Diagnostic[]) {
    for (const { from } of spans) if (from.end !== undefined) this.#byName.set(nameKey(from), []);
    if (this.#byName.size === 0) return;
    for (const event of events) this.#byName.get(nameKey(event))?.push(event);
    for (const own of this.#byName.values()) own.sort(byTime);
  }

  /** The record of the first event in a span; `undefined` if the span has a start or no event. */
  recordIn({ end, time, ...from }: Diagnostic): number | undefined {
    if (end === undefined) return undefined;
    const own = this.#byName.get(nameKey(from)) ?? [];
    const first = own[lastNotAfter(own, (event) => event.time.getTime() - time.getTime() + 1) + 1];
    return first === undefined ? undefined : firstRecord(first);
  }
}

/** Spans of one producer or one name, and for each the innermost one around it. */
class Intervals {
  readonly #intervals: readonly Interval[];
  readonly #around = new Map<TimelineNode, Interval | undefined>();

  constructor(intervals: Interval[]) {
    this.#intervals = intervals.sort(
      (one, other) => compare(one.start, other.start) || compare(other.end, one.end),
    );
    const open: Interval[] = [];
    for (const interval of intervals) {
      while (open.length > 0 && compare((open.at(-1) as Interval).end, interval.start) < 0) open.pop();
      let around: Interval | undefined;
      for (let i = open.length - 1; i >= 0 && i >= open.length - EXAMINED_MAX; i--) {
        around = open[i];
        if (compare((around as Interval).end, interval.end) >= 0) break;
        around = undefined;
      }
      this.#around.set(interval.node, around);
      open.push(interval);
    }
  }

  /** The innermost span around another. */
  around(node: TimelineNode): TimelineNode | undefined {
    return this.#around.get(node)?.node;
  }

  /** The innermost span around a point. */
  innermostAt(point: Point): TimelineNode | undefined {
    let interval = this.#intervals[this.#lastBefore(point)];
    for (let examined = 0; interval !== undefined && examined < EXAMINED_MAX; examined++) {
      if (compare(interval.end, point) >= 0) return interval.node;
      interval = this.#around.get(interval.node);
    }
    return undefined;
  }

  /** The span that began last before a point; if none did, the first one. */
  latestAt(point: Point): TimelineNode | undefined {
    return this.#intervals[Math.max(0, this.#lastBefore(point))]?.node;
  }

  #lastBefore(point: Point): number {
    return lastNotAfter(this.#intervals, ({ start }) => compare(start, point));
  }
}

function intervalsByKey(intervals: ReadonlyMap<string, Interval[]>): Map<string, Intervals> {
  return new Map(Array.from(intervals, ([key, own]) => [key, new Intervals(own)]));
}

/** A span that never ended covers everything after its start. */
function intervalOf(node: TimelineNode): Interval {
  const { end, records } = node;
  const start = { time: node.start.getTime(), record: firstRecord(node) };
  if (end === undefined) return { node, start, end: { time: Infinity, record: Infinity } };
  return { node, start, end: { time: end.getTime(), record: records.at(-1) ?? start.record } };
}

function nameKey(from: Pick<Diagnostic, 'agent' | 'vmId' | 'name'>): string {
  return `${producerOf(from)}|${from.name}`;
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** The last index of sorted items whose `order` is at most 0; -1 if there is none. */
function lastNotAfter<T>(items: readonly T[], order: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(items[middle] as T) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function compare(one: Point, other: Point): number {
  // Infinity minus Infinity is NaN.
  return (one.time === other.time ? 0 : one.time - other.time) || one.record - other.record || 0;
}
