import type { TimelineNode } from './timeline-node.ts';

/** A span on its place in a tree. */
export interface PlacedSpan {
  span: TimelineNode;
  /** Absent for a root. */
  parent?: PlacedSpan;
  /** 0 for a root. */
  depth: number;
}

/** All spans of trees; each before its children. */
export function* spansOf(roots: readonly TimelineNode[]): Generator<PlacedSpan> {
  // No recursion: spans may be nested deeper than calls may be.
  const rest: PlacedSpan[] = roots.map((span) => ({ span, depth: 0 })).reverse();
  for (let placed = rest.pop(); placed !== undefined; placed = rest.pop()) {
    yield placed;
    const { children } = placed.span;
    for (let i = children.length - 1; i >= 0; i--) {
      rest.push({ span: children[i] as TimelineNode, parent: placed, depth: placed.depth + 1 });
    }
  }
}

/** Names of a path that are kept: a list of all names of all paths would grow with the square of the depth. */
const PATH_MAX = 32;

/** The names from the root to a span; of a path longer than 32 names the last 32. */
export function pathOf(placed: PlacedSpan): string[] {
  const names: string[] = [];
  for (let each: PlacedSpan | undefined = placed; each && names.length < PATH_MAX; each = each.parent) {
    names.push(each.span.name);
  }
  return names.reverse();
}
