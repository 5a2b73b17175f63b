import { type PlacedSpan, spansOf } from '../timeline/spans-of.ts';
import type { TimelineNode } from '../timeline/timeline-node.ts';

/** What failed, and what became of it. */
export interface Failures {
  /** The deepest span of the failure that came first; absent if none failed. */
  first?: PlacedSpan;
  /** Whether a failure is not over: no span around it went well or may still do so, and no later try did. */
  isFinal: boolean;
  /** How many spans failed. */
  count: number;
}

/** Finds what failed first. Failures that are not over come before those that are. */
export function failuresOf(roots: readonly TimelineNode[]): Failures {
  const found: Failures = { isFinal: false, count: 0 };
  const retried = retriedIn(roots);
  const over = new Set<PlacedSpan>();
  for (const placed of spansOf(roots)) {
    const { span, parent } = placed;
    const isOver = (parent !== undefined && over.has(parent)) || retried.has(span);
    if (isOver || span.result === 'success' || span.state === 'unfinished') over.add(placed);
    if (span.result !== 'fail') continue;
    found.count++;
    if ((parent?.span.result === 'fail' && !retried.has(span)) || (found.isFinal && isOver)) continue;
    const cause = causeOf(placed, retried);
    if (
      found.first === undefined ||
      (!isOver && !found.isFinal) ||
      endOf(cause.span) < endOf(found.first.span)
    ) {
      found.first = cause;
    }
    found.isFinal = !isOver;
  }
  return found;
}

/** The failed spans that a sibling of the same name made good, which started after they ended. */
function retriedIn(roots: readonly TimelineNode[]): Set<TimelineNode> {
  const retried = new Set<TimelineNode>();
  const add = (siblings: readonly TimelineNode[]): void => {
    if (siblings.length < 2 || !siblings.some(({ result }) => result === 'fail')) return;
    /** When the last try that went well started. */
    const succeeded = new Map<string, number>();
    for (const span of siblings.toReversed()) {
      const key = `${span.agent}|${span.name}`;
      const success = succeeded.get(key);
      if (span.result === 'success') succeeded.set(key, success ?? span.start.getTime());
      else if (span.result === 'fail' && success !== undefined && success >= endOf(span)) retried.add(span);
    }
  };
  add(roots);
  for (const { span } of spansOf(roots)) add(span.children);
  return retried;
}

/** The deepest failed span that others failed because of: of several the one with their reason, else the first. */
function causeOf(failed: PlacedSpan, retried: ReadonlySet<TimelineNode>): PlacedSpan {
  for (let cause = failed; ;) {
    const { span, depth } = cause;
    const candidates = span.children.filter((child) => child.result === 'fail' && !retried.has(child));
    const said = new Set([span.reason, ...(span.sources ?? [])]);
    const next =
      candidates.find(({ reason }) => reason !== undefined && said.has(reason)) ??
      candidates.sort((one, other) => endOf(one) - endOf(other))[0];
    if (next === undefined) return cause;
    cause = { span: next, parent: cause, depth: depth + 1 };
  }
}

function endOf({ start, end = start }: TimelineNode): number {
  return end.getTime();
}
