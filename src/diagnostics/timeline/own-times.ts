import { withLists } from '../../option.ts';
import { spansOf } from './spans-of.ts';
import type { Timeline } from './timeline.ts';
import type { TimelineNode } from './timeline-node.ts';

/** How long a span took. */
export interface OwnTime {
  span: TimelineNode;
  /** Seconds in which none of its children was open. */
  own: number;
  /** Seconds from its start to its end. */
  total: number;
}

/**
 * The spans by the time that was their own, most first: the time in which none of their children was open, however
 * these overlap. An unfinished span counts to the end of the timeline, for nobody knows when it was cut off.
 *
 * @example
 * ```ts
 * const { diagnostics } = await readDiagnostics('pool');
 * const [slowest] = ownTimes(timeline(diagnostics));
 * ```
 */
export function ownTimes(timeline: Pick<Timeline, 'roots' | 'end'>): OwnTime[] {
  const { roots, end } = withLists('timeline', timeline, 'what timeline() returned', 'roots');
  const last = end?.getTime() ?? -Infinity;
  const times = Array.from(spansOf(roots), ({ span }) => {
    const from = span.start.getTime();
    const to = endOf(span, last);
    return {
      span,
      own: (to - from - covered(span.children, from, to, last)) / 1000,
      total: (to - from) / 1000,
    };
  });
  return times.sort((one, other) => other.own - one.own);
}

/**
 * When a span ended by its own clock, in milliseconds since 1970: the wall clock may have been set meanwhile. One without
 * a finish ended at `last`.
 */
export function endOf({ start, end, duration }: TimelineNode, last: number): number {
  const from = start.getTime();
  if (duration !== undefined) return from + duration * 1000;
  return Math.max(from, end?.getTime() ?? last);
}

/** Milliseconds between `from` and `to` in which at least one of the spans was open. */
function covered(spans: readonly TimelineNode[], from: number, to: number, last: number): number {
  let sum = 0;
  let open = from;
  for (const span of spans.toSorted((one, other) => one.start.getTime() - other.start.getTime())) {
    const start = Math.max(open, span.start.getTime());
    const end = Math.min(to, endOf(span, last));
    if (end <= start) continue;
    sum += end - start;
    open = end;
  }
  return sum;
}
