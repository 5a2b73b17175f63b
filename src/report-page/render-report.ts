import { deflateRawSync } from 'node:zlib';
import type { PoolContent } from '../diagnostics/read/read-diagnostics.ts';
import { bootPhases, originOf } from '../diagnostics/summary/boot-phases.ts';
import { type Boot, lastBoot } from '../diagnostics/summary/last-boot.ts';
import { type Summary, summarize } from '../diagnostics/summary/summary.ts';
import { type Comparison, compareTimelines } from '../diagnostics/timeline/compare-timelines.ts';
import type { Timeline } from '../diagnostics/timeline/timeline.ts';
import { OptionError } from '../errors.ts';
import { anyOption, type Checks, listOf, objectOption, readOptions, textOption } from '../option.ts';
import type { PoolRecord } from '../pool/record.ts';
import { VERSION } from '../version.ts';
import { answerOf } from './answer.ts';
import { builtPage } from './built-page.ts';
import type { ChangeCounts, PageHead, PageModel } from './page-model.ts';
import { cut, SpanParts } from './span-parts.ts';

/** What a page can be made of: what `readDiagnostics`, `lastBoot` or `timeline` returns. */
export type ReportSource = PoolContent | Boot | Timeline;

export interface RenderReportOptions {
  /** What the page calls the pool. Default: `the pool`. */
  title?: string | undefined;
  /** What `summarize` says of it. Default: what it says without `defects`. */
  summary?: Summary | undefined;
  /** All records of the pool, which the page then shows as well. Default: none. */
  records?: readonly PoolRecord[] | undefined;
  /** Another boot, which this one is compared with. Default: none. */
  before?: ReportSource | undefined;
  /** What the page calls the pool of `before`. Default: `the pool before`. */
  beforeTitle?: string | undefined;
}

const OPTIONS: Checks<RenderReportOptions> = {
  title: textOption,
  summary: objectOption,
  records: listOf<PoolRecord>(anyOption, 'a list of records'),
  before: anyOption,
  beforeTitle: textOption,
};

/** Nearly as small as by any other level, in half the time. */
const DEFLATE = { level: 1, chunkSize: 256 * 1024 };

/** Items of a part of the data: the browser reads one after another, and stays awake between them. */
const PART_ITEMS = 1000;

/**
 * Makes a page of HTML of a boot: one file that needs no network, with the outcome and the reason, all spans on one time
 * axis, and tables. It runs no script but its own, and shows texts of the pool as texts. Throws `OptionError`.
 *
 * @example
 * ```ts
 * writeFileSync('report.html', renderReport(await readDiagnostics('pool')));
 * ```
 */
export function renderReport(source: ReportSource, options?: RenderReportOptions): string {
  const model = modelOf(source, readOptions(OPTIONS, options));
  const { parts, page } = builtPage();
  const { head, spans, events, records } = model;
  const data = [
    packed('head', [head]),
    ...chunked('spans', spans),
    ...chunked('events', events),
    ...chunked('records', records),
  ];
  const [start, afterTitle, end] = parts as [string, string, string];
  const title = page.escapeHtml(head.title);
  return `${start}${title}${afterTitle}${page.renderStatic(model)}${data.join('')}${end}`;
}

function chunked(name: string, items: readonly unknown[]): string[] {
  const parts: string[] = [];
  for (let i = 0; i < items.length; i += PART_ITEMS) {
    parts.push(packed(name, items.slice(i, i + PART_ITEMS)));
  }
  return parts;
}

/** A part of the data: JSON, deflated, in base64, which nothing needs to be escaped in. */
function packed(name: string, items: readonly unknown[]): string {
  const bytes = deflateRawSync(JSON.stringify(items), DEFLATE);
  return `<script type="text/plain" data-part="${name}">${bytes.toString('base64')}</script>\n`;
}

function modelOf(source: ReportSource, options: RenderReportOptions): PageModel {
  const boot = bootOf('source', source);
  const { title = 'the pool', summary = summarize(boot), records = [] } = options;
  const before = options.before === undefined ? undefined : bootOf('before', options.before);
  const comparison = before && compareTimelines(before.timeline, boot.timeline);
  const parts = new SpanParts(boot, comparison?.spans, before);
  const { origin, spans, events, agents } = parts;
  const answer = answerOf(boot, summary, title, parts);
  const head: PageHead = {
    title: titleOf(answer.outcome, title),
    isComparison: before !== undefined,
    version: VERSION,
    answer,
    origin,
    length: lengthOf(boot, summary),
    agents,
    phases: bootPhases(boot).map(({ name, from, to }) => ({ name, from: from - origin, to: to - origin })),
    gaps: boot.timeline.gaps.map(({ start, end }) => ({
      from: start.getTime() - origin,
      to: end.getTime() - origin,
    })),
    problems: boot.content.problems.map(({ reason, message, records: numbers }) => ({
      reason,
      message: cut(message),
      records: numbers,
    })),
    counts: { spans: spans.length, events: events.length, records: records.length },
  };
  if (before !== undefined && comparison !== undefined) {
    const summaryBefore = summarize(before);
    head.before = answerOf(before, summaryBefore, options.beforeTitle ?? 'the pool before');
    head.changes = countsOf(comparison, summary.seconds - summaryBefore.seconds);
    head.length = Math.max(head.length, lengthOf(before, summaryBefore));
  }
  return { head, spans, events, records: records.map(({ key, value }) => [key, value]) };
}

function bootOf(option: string, source: ReportSource): Boot {
  if (typeof source === 'object' && source !== null) {
    if ('timeline' in source) return source;
    if ('diagnostics' in source) return lastBoot(source);
    if ('roots' in source) {
      const nothing = { diagnostics: [], reports: [], unknown: [], problems: [] };
      return { content: nothing, earlier: nothing, otherVms: nothing, timeline: source };
    }
  }
  throw new OptionError(option, source, 'what readDiagnostics(), lastBoot() or timeline() returned');
}

/** From where times are counted to the last moment, in milliseconds; a page of nothing has a second. */
function lengthOf(boot: Boot, { seconds }: Summary): number {
  const { start, end } = boot.timeline;
  if (start === undefined || end === undefined) return 1000;
  const origin = originOf(boot) ?? start.getTime();
  return Math.max(end.getTime(), start.getTime() + seconds * 1000) - origin || 1;
}

function countsOf({ spans }: Comparison, difference: number): ChangeCounts {
  const counts: ChangeCounts = {
    slower: 0,
    faster: 0,
    new: 0,
    missing: 0,
    failed: 0,
    fixed: 0,
    difference,
  };
  for (const { change, result } of spans) {
    if (change !== 'same') counts[change]++;
    if (result !== undefined) counts[result]++;
  }
  return counts;
}

const WORDS = { success: 'Succeeded', failure: 'Failed', unfinished: 'Unfinished', unknown: 'Unknown' };

function titleOf(outcome: keyof typeof WORDS, title: string): string {
  return `${WORDS[outcome]}: ${cut(title)}`;
}
