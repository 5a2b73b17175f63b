import type { PageEvent, PageSpan } from '../../page-model.ts';
import { laneKey, type PageData } from './page-data.ts';

/** What is drawn on a line of the waterfall. */
export type Row =
  | { kind: 'phase'; phase: number }
  | { kind: 'lane'; agent: number; count: number; failed: number; isOpen: boolean }
  | { kind: 'span'; span: number; hasChildren: boolean; isOpen: boolean; isMatch: boolean };

/** What is shown of the spans. */
export interface Filter {
  query: string;
  /** Numbers of agents that are not shown. */
  hiddenAgents: ReadonlySet<number>;
  level: '' | 'ERROR' | 'WARN' | 'INFO';
  result: '' | 'fail' | 'success' | 'unfinished' | 'none';
  change: '' | 'any' | 'slower' | 'faster' | 'new' | 'missing' | 'failed' | 'fixed';
  isCriticalOnly: boolean;
}

export const NO_FILTER: Filter = {
  query: '',
  hiddenAgents: new Set(),
  level: '',
  result: '',
  change: '',
  isCriticalOnly: false,
};

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'];

export function hasFilter({ query, hiddenAgents, level, result, change, isCriticalOnly }: Filter): boolean {
  return (
    [query, level, result, change].some((text) => text !== '') || hiddenAgents.size > 0 || isCriticalOnly
  );
}

/** The numbers of the spans that a filter lets through, in their order; all without a filter. */
export function matchesOf(data: PageData, filter: Filter): number[] {
  const query = filter.query.trim().toLowerCase();
  const matches: number[] = [];
  data.spans.forEach((span, i) => {
    if (filter.hiddenAgents.has(span.agent)) return;
    if (filter.isCriticalOnly && !span.isCritical) return;
    if (!hasResult(span, filter.result) || !hasChange(span, filter.change)) return;
    if (filter.level !== '' && !reachesLevel(data, i, filter.level)) return;
    if (query !== '' && !data.textOf(i).includes(query)) return;
    matches.push(i);
  });
  return matches;
}

function hasResult({ result, state }: PageSpan, wanted: Filter['result']): boolean {
  if (wanted === '') return true;
  if (wanted === 'unfinished') return state === 'unfinished';
  return wanted === 'none' ? result === undefined && state !== 'unfinished' : result === wanted;
}

function hasChange({ change, verdict }: PageSpan, wanted: Filter['change']): boolean {
  if (wanted === '') return true;
  return wanted === 'any' ? (change ?? verdict) !== undefined : change === wanted || verdict === wanted;
}

/** Whether a span or an event in it is at a level or above. */
function reachesLevel(data: PageData, number: number, wanted: string): boolean {
  const least = LEVELS.indexOf(wanted);
  const reaches = ({ level }: PageSpan | PageEvent): boolean => LEVELS.indexOf(level ?? '') >= least;
  return (
    reaches(data.spans[number] as PageSpan) ||
    (data.eventsOf.get(number) ?? []).some((i) => reaches(data.events[i] as PageEvent))
  );
}

/**
 * The lines of the waterfall: what the system did, then a lane for each agent with the trees of its spans. With a filter
 * these are the matches and what they are in, whatever is collapsed.
 */
export function rowsOf(
  data: PageData,
  collapsed: ReadonlySet<number>,
  matches: readonly number[] | undefined,
): Row[] {
  const { spans, lasts, lanes, head } = data;
  const rows: Row[] = matches === undefined ? head.phases.map((_, phase) => ({ kind: 'phase', phase })) : [];
  const isMatch = new Uint8Array(spans.length);
  const isShown = new Uint8Array(spans.length);
  for (const match of matches ?? []) {
    isMatch[match] = 1;
    for (let i: number | undefined = match; i !== undefined && isShown[i] === 0; i = spans[i]?.parent) {
      isShown[i] = 1;
    }
  }
  for (const [agent, roots] of lanes) {
    const shown = matches === undefined ? roots : roots.filter((root) => isShown[root] === 1);
    if (shown.length === 0 && matches !== undefined) continue;
    const isOpen = matches !== undefined || !collapsed.has(laneKey(agent));
    const lane: Row = { kind: 'lane', agent, count: 0, failed: 0, isOpen };
    rows.push(lane);
    for (const root of shown) {
      const last = lasts[root] as number;
      /** What is behind the last span that is collapsed. */
      let next = isOpen ? root : last + 1;
      for (let i = root; i <= last; i++) {
        const span = spans[i] as PageSpan;
        lane.count++;
        if (span.result === 'fail') lane.failed++;
        if (i < next || (matches !== undefined && isShown[i] === 0)) continue;
        const end = lasts[i] as number;
        const isSpanOpen = matches !== undefined || !collapsed.has(i);
        rows.push({
          kind: 'span',
          span: i,
          hasChildren: end > i,
          isOpen: isSpanOpen,
          isMatch: matches === undefined || isMatch[i] === 1,
        });
        if (!isSpanOpen) next = end + 1;
      }
    }
  }
  return rows;
}

/** What identifies a line: a span's number, or a smaller one. */
export function rowKey(row: Row): number {
  if (row.kind === 'span') return row.span;
  return row.kind === 'lane' ? laneKey(row.agent) : -1e9 - row.phase;
}
