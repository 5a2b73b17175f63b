import { withLists } from '../../option.ts';
import type { Timeline } from './timeline.ts';
import type { TimelineNode } from './timeline-node.ts';

/** A span of two timelines, or of one of them. */
export interface ComparedSpan {
  /** Its name and its agent without the version. */
  name: string;
  agent: string;
  /** 0 for a root. */
  depth: number;
  /** The span of the first timeline; absent if it is new. */
  before?: TimelineNode;
  /** The span of the second timeline; absent if it is missing there. */
  after?: TimelineNode;
  /** `'same'`: also where a duration is not known, or differs by less than 1 ms or 5 %. */
  change: 'new' | 'missing' | 'slower' | 'faster' | 'same';
  /** Seconds that it took longer; of a new span all, of a missing one its time with a minus. Absent if not known. */
  difference?: number;
  /** `'failed'`: it fails now and did not before, or is new and fails. `'fixed'`: the other way round. */
  result?: 'failed' | 'fixed';
}

/** Two timelines side by side. */
export interface Comparison {
  /** All spans of both, each before its children, in the order of the second; missing ones come behind their siblings. */
  spans: ComparedSpan[];
  /** Seconds that the second took longer from its first to its last moment. */
  difference: number;
}

/** Differences that are noise: less than this many seconds, or less than this part of the time before. */
const NOISE = 0.001;
const NOISE_PART = 0.05;

/**
 * Compares two boots. Spans are matched from the roots on: a span belongs to the one with the same name and agent,
 * whatever its version, below the same parent; of several with that name the first to the first.
 *
 * @example
 * ```ts
 * const [before, after] = [await readDiagnostics('good'), await readDiagnostics('bad')];
 * const { spans } = compareTimelines(timeline(before.diagnostics), timeline(after.diagnostics));
 * ```
 */
export function compareTimelines(before: Timeline, after: Timeline): Comparison {
  withLists('before', before, 'what timeline() returned', 'roots');
  withLists('after', after, 'what timeline() returned', 'roots');
  const spans: ComparedSpan[] = [];
  // No recursion: spans may be nested deeper than calls may be.
  const rest: [TimelineNode | undefined, TimelineNode | undefined, number][] = [];
  const add = (one: readonly TimelineNode[], other: readonly TimelineNode[], depth: number): void => {
    for (const [first, second] of matched(one, other).reverse()) rest.push([first, second, depth]);
  };
  add(before.roots, after.roots, 0);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [one, other, depth] = next;
    spans.push(compared(one, other, depth));
    add(one?.children ?? [], other?.children ?? [], depth + 1);
  }
  return { spans, difference: secondsOf(after) - secondsOf(before) };
}

/** Pairs of siblings, in the order of the second ones. */
function matched(
  before: readonly TimelineNode[],
  after: readonly TimelineNode[],
): [TimelineNode | undefined, TimelineNode | undefined][] {
  const left = new Map<string, TimelineNode[]>();
  // Reversed, because the first one is taken from the end.
  for (const span of before.toReversed()) {
    const key = keyOf(span);
    const known = left.get(key);
    if (known === undefined) left.set(key, [span]);
    else known.push(span);
  }
  const pairs = after.map((span): [TimelineNode | undefined, TimelineNode | undefined] => {
    return [left.get(keyOf(span))?.pop(), span];
  });
  const missing = new Set([...left.values()].flat());
  for (const span of before) if (missing.has(span)) pairs.push([span, undefined]);
  return pairs;
}

function keyOf(span: TimelineNode): string {
  return `${agentName(span)}|${span.name}`;
}

/** The agent without its version: `azure-init` of `azure-init/0.1.1` and of `azure-init-0.1.1`. */
function agentName({ agent }: TimelineNode): string {
  return agent.replace(/[/-]v?\d[^/]*$/, '');
}

function compared(
  before: TimelineNode | undefined,
  after: TimelineNode | undefined,
  depth: number,
): ComparedSpan {
  const span = (after ?? before) as TimelineNode;
  const [took, takes] = [before ? before.duration : 0, after ? after.duration : 0];
  const difference = took === undefined || takes === undefined ? undefined : takes - took;
  return {
    name: span.name,
    agent: agentName(span),
    depth,
    ...(before && { before }),
    ...(after && { after }),
    change: before === undefined ? 'new' : after === undefined ? 'missing' : changeOf(difference, took),
    ...(difference !== undefined && { difference }),
    ...resultOf(before, after),
  };
}

function changeOf(difference: number | undefined, before = 0): 'slower' | 'faster' | 'same' {
  if (difference === undefined || Math.abs(difference) < Math.max(NOISE, before * NOISE_PART)) return 'same';
  return difference > 0 ? 'slower' : 'faster';
}

function resultOf(
  before: TimelineNode | undefined,
  after: TimelineNode | undefined,
): Pick<ComparedSpan, 'result'> {
  const [failed, fails] = [before?.result === 'fail', after?.result === 'fail'];
  if (fails && !failed) return { result: 'failed' };
  return failed && after?.result === 'success' ? { result: 'fixed' } : {};
}

function secondsOf({ start, end }: Timeline): number {
  return start && end ? (end.getTime() - start.getTime()) / 1000 : 0;
}
