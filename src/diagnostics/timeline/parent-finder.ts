import { byTime, type Diagnostic, firstRecord, producerOf } from '../diagnostic.ts';
import type { FoundSpan, TimelineNode } from './timeline-node.ts';

/** Spans that are looked at to find the one around something: many may overlap without one being in another. */
const LOOKED_AT_MAX = 1000;
/** Levels of a name that is a path; cloud-init's have two or three. */
const LEVELS_MAX = 32;

/** Where something lies in time; between equal times its place in the pool decides. */
interface Point {
  time: number;
  place: number;
}

/** A span as it lies in time. */
interface Interval {
  node: TimelineNode;
  start: Point;
  end: Point;
}

/** Finds the span around a span or event of a producer that does not record it. */
export class ParentFinder {
  readonly #byProducer: ReadonlyMap<string, Intervals>;
  readonly #byName: ReadonlyMap<string, Intervals>;

  constructor(spans: readonly FoundSpan[], events: readonly Diagnostic[]) {
    const named = new Map<string, Diagnostic[]>();
    for (const event of events) if (event.format === 'azure-init') put(named, nameKey(event), event);
    for (const own of named.values()) own.sort(byTime);
    const byProducer = new Map<string, Interval[]>();
    const byName = new Map<string, Interval[]>();
    for (const { node, from } of spans) {
      const extent = intervalOf(node);
      // Of the older layout's spans nothing but the end is recorded: they began before their first event.
      if (from.format === 'azure-init') {
        const own = named.get(nameKey(from)) ?? [];
        const first = own[lastNotAfter(own, (event) => event.time.getTime() - extent.start.time + 1) + 1];
        if (first !== undefined) extent.start.place = Math.min(extent.start.place, firstRecord(first));
      }
      put(byProducer, producerOf(from), extent);
      put(byName, nameKey(from), extent);
    }
    this.#byProducer = intervalsByKey(byProducer);
    this.#byName = intervalsByKey(byName);
  }

  /** The innermost span around a span; of cloud-init's the one whose name its own name starts with. */
  parentOf(node: TimelineNode, from: Diagnostic): TimelineNode | undefined {
    if (from.format !== 'cloud-init') return this.#byProducer.get(producerOf(from))?.around(node);
    let end = node.name.lastIndexOf('/');
    for (let level = 0; end > 0 && level < LEVELS_MAX; level++, end = node.name.lastIndexOf('/', end - 1)) {
      const nest = this.#byName.get(nameKey({ ...from, name: node.name.slice(0, end) }));
      const around = nest?.latestAt(intervalOf(node).start);
      if (around !== undefined) return around;
    }
    return undefined;
  }

  /** The innermost span around an event; where events are named after their spans, of that name. */
  spanOf(event: Diagnostic): TimelineNode | undefined {
    const nest =
      event.format === 'cloud-init'
        ? this.#byProducer.get(producerOf(event))
        : this.#byName.get(nameKey(event));
    return nest?.at({ time: event.time.getTime(), place: firstRecord(event) });
  }
}

/** Spans of one clock, each within the innermost one around it. */
class Intervals {
  readonly #extents: readonly Interval[];
  readonly #around = new Map<TimelineNode, Interval | undefined>();

  constructor(extents: Interval[]) {
    this.#extents = extents.sort(
      (one, other) => compare(one.start, other.start) || compare(other.end, one.end),
    );
    const open: Interval[] = [];
    for (const extent of extents) {
      while (open.length > 0 && compare((open.at(-1) as Interval).end, extent.start) < 0) open.pop();
      let around: Interval | undefined;
      for (let i = open.length - 1; i >= 0 && i >= open.length - LOOKED_AT_MAX; i--) {
        around = open[i];
        if (compare((around as Interval).end, extent.end) >= 0) break;
        around = undefined;
      }
      this.#around.set(extent.node, around);
      open.push(extent);
    }
  }

  around(node: TimelineNode): TimelineNode | undefined {
    return this.#around.get(node)?.node;
  }

  /** The innermost span around a point. */
  at(point: Point): TimelineNode | undefined {
    let extent = this.#extents[this.#lastBefore(point)];
    for (let looked = 0; extent !== undefined && looked < LOOKED_AT_MAX; looked++) {
      if (compare(extent.end, point) >= 0) return extent.node;
      extent = this.#around.get(extent.node);
    }
    return undefined;
  }

  /** The span that began last before a point, else the first. */
  latestAt(point: Point): TimelineNode | undefined {
    return this.#extents[Math.max(0, this.#lastBefore(point))]?.node;
  }

  #lastBefore(point: Point): number {
    return lastNotAfter(this.#extents, ({ start }) => compare(start, point));
  }
}

function intervalsByKey(extents: ReadonlyMap<string, Interval[]>): Map<string, Intervals> {
  return new Map(Array.from(extents, ([key, own]) => [key, new Intervals(own)]));
}

/** One that never ended is around all that came after it. */
function intervalOf(node: TimelineNode): Interval {
  const { end, records } = node;
  const start = { time: node.start.getTime(), place: firstRecord(node) };
  if (end === undefined) return { node, start, end: { time: Infinity, place: Infinity } };
  return { node, start, end: { time: end.getTime(), place: records.at(-1) ?? start.place } };
}

function nameKey(from: Pick<Diagnostic, 'agent' | 'vmId' | 'name'>): string {
  return `${producerOf(from)}|${from.name}`;
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** The last of sorted items that does not lie after something, -1 for none. */
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
  // Infinity less itself is no number.
  return (one.time === other.time ? 0 : one.time - other.time) || one.place - other.place || 0;
}
