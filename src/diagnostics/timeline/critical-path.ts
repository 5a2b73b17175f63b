import type { TimelineNode } from './timeline-node.ts';

/**
 * The spans that the end had to wait for: of spans side by side the one that ended last, then the one that ended
 * last before that began, and so on; and the same within each of them.
 */
export function criticalPath(roots: readonly TimelineNode[]): TimelineNode[] {
  const path: TimelineNode[] = [];
  // Spans may be nested deeper than functions may be.
  const rest = chainOf(roots).reverse();
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    path.push(node);
    for (const child of chainOf(node.children).reverse()) rest.push(child);
  }
  return path;
}

/** Of spans side by side those that followed each other until the last one ended, by time. */
function chainOf(spans: readonly TimelineNode[]): TimelineNode[] {
  const chain: TimelineNode[] = [];
  let before = Infinity;
  // Of two that ended together the one that began later.
  for (const span of spans.toReversed().sort((one, other) => endOf(other) - endOf(one))) {
    if (endOf(span) > before) continue;
    chain.push(span);
    before = span.start.getTime();
  }
  return chain.reverse();
}

/** One that never ended was still open when the others had. */
function endOf({ start, end }: TimelineNode): number {
  return end === undefined ? Number.MAX_VALUE : Math.max(start.getTime(), end.getTime());
}
