import type { TreeEvent, TreeSpan } from './tree.ts';

/** Events and spans by time; both stay in their order, which a clock that was set back does not change. */
export function mixed<Event extends TreeEvent, Span extends TreeSpan>(
  events: readonly Event[],
  spans: readonly Span[],
): (Event | Span)[] {
  const items = [...events, ...spans];
  if (events.length === 0 || isOrdered(items) || !items.every((item) => timeOf(item) !== undefined))
    return items;
  const moments = new Map<TreeEvent | TreeSpan, number>();
  for (const list of [events, spans]) {
    let latest = -Infinity;
    for (const item of list) moments.set(item, (latest = Math.max(latest, timeOf(item) as number)));
  }
  const momentOf = (item: TreeEvent | TreeSpan): number => moments.get(item) as number;
  return items.sort(
    (one, other) => momentOf(one) - momentOf(other) || (one.records?.[0] ?? 0) - (other.records?.[0] ?? 0),
  );
}

/** Whether there are only events, each later than the one before. */
function isOrdered(items: readonly (TreeEvent | TreeSpan)[]): boolean {
  let latest = -Infinity;
  for (const item of items) {
    const time = isSpan(item) ? undefined : item.time?.getTime();
    if (time === undefined || time <= latest) return false;
    latest = time;
  }
  return true;
}

export function isSpan<Event extends TreeEvent, Span extends TreeSpan>(item: Span | Event): item is Span {
  return 'children' in item;
}

function timeOf(item: TreeSpan | TreeEvent): number | undefined {
  return (isSpan(item) ? item.start : item.time)?.getTime();
}
