import type { TimelineNode } from './timeline-node.ts';

/**
 * The spans that the end had to wait for: of sibling spans the one that ended last, then the one that ended last
 * before that one began, and so on; the same among the children of each of these.
 */
export function criticalPath(roots: readonly TimelineNode[]): TimelineNode[] {
  const path: TimelineNode[] = [];
  // No recursion: spans may be nested deeper than calls may be.
  const rest = chainOf(roots).reverse();
  for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
    path.push(node);
    for (const child of chainOf(node.children).reverse()) rest.push(child);
  }
  return path;
}

/** Those of sibling spans that followed one another until the last one ended, by time. */
function chainOf(spans: readonly TimelineNode[]): TimelineNode[] {
  if (spans.length < 2) return [...spans];
  const chain: TimelineNode[] = [];
  let before = Infinity;
  // Reversed, so that of two that ended together the one that began later comes first.
  for (const span of spans.toReversed().sort((one, other) => endOf(other) - endOf(one))) {
    if (endOf(span) > before) continue;
    chain.push(span);
    before = span.start.getTime();
  }
  return chain.reverse();
}

/** The end of a span; one that never ended counts as ending last. */
function endOf({ start, end }: TimelineNode): number {
  return end === undefined ? Number.MAX_VALUE : Math.max(start.getTime(), end.getTime());
}
