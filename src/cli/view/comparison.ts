import {
  type ComparedSpan,
  type Comparison,
  compareTimelines,
} from '../../diagnostics/timeline/compare-timelines.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import { durationText } from '../../format/duration-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import type { InputBoot } from '../boots.ts';
import { flow, type Piece } from './flow.ts';
import { outcomeLines } from './headline.ts';
import { COLORS, type Style } from './style.ts';
import { cutTo } from '../text-width.ts';

const TIME_WIDTH = 10;

/** What differs between two boots: how each went, then the spans that differ, in the spans around them. */
export function comparisonText(before: InputBoot, after: InputBoot, style: Style): string {
  const { paint, width, glyphs } = style;
  const comparison = compareTimelines(before.boot.timeline, after.boot.timeline);
  const lines: string[] = [];
  for (const [label, { input, summary }] of [
    ['before', before],
    ['after', after],
  ] as const) {
    lines.push(paint(COLORS.dim, cutTo(`${label}  ${escapeInvisible(input.path)}`, width, glyphs.ellipsis)));
    lines.push(...outcomeLines(summary, input.path, style), '');
  }
  const [took, takes] = [before.summary.seconds, after.summary.seconds];
  const counts = countTexts(comparison);
  lines.push(
    ...flow(
      [
        { text: `${durationText(took)} before, ${durationText(takes)} after:` },
        { text: differenceText(takes - took), ...colorOf(takes - took) },
        { text: counts.length === 0 ? 'no span differs' : counts.join(', '), gap: 2 },
      ],
      width,
      style,
    ),
  );
  const rows = differing(comparison);
  if (rows.length > 0) {
    const titles = ['before', 'after', 'change']
      .slice(isNarrow(style) ? 1 : 0)
      .map((title) => title.padStart(TIME_WIDTH))
      .join('');
    lines.push('', paint(COLORS.dim, titles));
  }
  for (const row of rows) lines.push(...rowLines(row, style));
  return lines.map((line) => `${line}\n`).join('');
}

/** The same as JSON, with all spans. */
export function comparisonDocument(before: InputBoot, after: InputBoot): object {
  const { spans, difference } = compareTimelines(before.boot.timeline, after.boot.timeline);
  const side = ({ input: { path }, summary }: InputBoot): object => ({ path, summary });
  return {
    before: side(before),
    after: side(after),
    difference,
    spans: spans.map(({ before: one, after: other, ...compared }) => ({
      ...compared,
      ...(one && { before: jsonOf(one) }),
      ...(other && { after: jsonOf(other) }),
    })),
  };
}

function jsonOf({ id, start, duration, result, state, reason }: TimelineNode): object {
  return { id, start, duration, result, state, reason };
}

function isDifferent({ change, result }: ComparedSpan): boolean {
  return change !== 'same' || result !== undefined;
}

/** The spans that differ, and those around them. */
function differing({ spans }: Comparison): ComparedSpan[] {
  const kept: ComparedSpan[] = [];
  // From the end, where a span comes behind those in it.
  let needed = -1;
  for (const span of spans.toReversed()) {
    if (!isDifferent(span) && span.depth !== needed) continue;
    kept.push(span);
    // Of the spans before this one, the next that is less deep is around it.
    needed = span.depth - 1;
  }
  return kept.reverse();
}

function countTexts({ spans }: Comparison): string[] {
  const words = ['slower', 'faster', 'new', 'missing'] as const;
  const counts = words.map((word) => [spans.filter(({ change }) => change === word).length, word] as const);
  const failed = spans.filter(({ result }) => result === 'failed').length;
  const fixed = spans.filter(({ result }) => result === 'fixed').length;
  return [...counts, [failed, failed === 1 ? 'fails now' : 'fail now'] as const, [fixed, 'fixed'] as const]
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`);
}

function rowLines(
  { name, agent, depth, before, after, change, difference, result }: ComparedSpan,
  style: Style,
): string[] {
  const { paint, width, glyphs } = style;
  const timeOf = (span: TimelineNode | undefined): string =>
    (span?.duration === undefined ? '' : durationText(span.duration)).padStart(TIME_WIDTH);
  const isBoth = before !== undefined && after !== undefined;
  const changed = (isBoth && change !== 'same' ? differenceText(difference as number) : '').padStart(
    TIME_WIDTH,
  );
  const { color } = colorOf(change === 'slower' ? 1 : change === 'faster' ? -1 : 0);
  const pieces: Piece[] = [{ text: escapeInvisible(name), color: COLORS.bold }];
  if (result === 'failed') pieces.push({ text: `${glyphs.fail} FAILED now`, color: COLORS.boldRed, gap: 2 });
  if (result === 'fixed') pieces.push({ text: `${glyphs.success} fixed`, color: COLORS.boldGreen, gap: 2 });
  if (change !== 'same') pieces.push({ text: change, ...(color !== undefined && { color }), gap: 2 });
  if (depth === 0) pieces.push({ text: escapeInvisible(agent), color: COLORS.dim, gap: 2 });
  const reason = result === 'failed' ? after?.reason : undefined;
  if (reason !== undefined) pieces.push({ text: escapeInvisible(reason), gap: 2 });
  const indent = '  '.repeat(Math.min(depth, Math.floor(width / 10)));
  const margin = (isNarrow(style) ? 2 : 3) * TIME_WIDTH + 2 + indent.length;
  const [first = '', ...others] = flow(pieces, Math.max(8, width - margin), style, 4);
  const former = isNarrow(style) ? '' : paint(COLORS.dim, timeOf(before));
  const times = `${former}${timeOf(after)}${color === undefined ? changed : paint(color, changed)}`;
  return [`${times}  ${indent}${first}`, ...others.map((line) => `${' '.repeat(margin)}${line}`)];
}

/** Whether there is no room for the time before. */
function isNarrow({ width }: Style): boolean {
  return width < 60;
}

function differenceText(seconds: number): string {
  return `${seconds < 0 ? '-' : '+'}${durationText(Math.abs(seconds))}`;
}

function colorOf(difference: number): { color?: string } {
  return difference > 0 ? { color: COLORS.yellow } : difference < 0 ? { color: COLORS.green } : {};
}
