import { spansOf } from '../../diagnostics/timeline/spans-of.ts';
import type { Gap } from '../../diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import { durationText } from '../../format/duration-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import { originOf } from '../../diagnostics/summary/boot-phases.ts';
import type { InputBoot } from '../boots.ts';
import { flow, type Piece } from './flow.ts';
import { COLORS, type Style } from './style.ts';

const TIME_WIDTH = 10;
const NOTE = 'The time behind "@" is when a span started, in seconds; that behind "+" is how long it took.';

/** What the end had to wait for, by time: each span in the one around it, and the time in which no span was open. */
export function chainText(shown: readonly InputBoot[], style: Style): string {
  const { glyphs, paint, width } = style;
  const lines: string[] = [];
  for (const one of shown) {
    if (lines.length > 0) lines.push('');
    if (shown.length > 1) lines.push(paint(COLORS.bold, escapeInvisible(one.input.path)));
    const links = linksOf(one);
    if (links.length === 0) lines.push(`there is no span in ${escapeInvisible(one.input.path)}`);
    else lines.push(...flow([{ text: NOTE, color: COLORS.dim }], width, style), '');
    for (const { item, depth, offset } of links) {
      const start = `@${offset.toFixed(3)}`.padStart(TIME_WIDTH);
      const took = (item.duration === undefined ? '' : `+${durationText(item.duration)}`).padStart(
        TIME_WIDTH + 1,
      );
      const indent = '  '.repeat(Math.min(depth, Math.floor(width / 8)));
      const room = width - 2 * TIME_WIDTH - 3 - indent.length;
      const [first = '', ...others] = flow(piecesOf(item, depth, style), room, style, 4);
      lines.push(`${paint(COLORS.dim, start)}${took}  ${indent}${first}`);
      for (const other of others)
        lines.push(`${' '.repeat(2 * TIME_WIDTH + 3)}${indent}${glyphs.rail.trim() && '  '}${other}`);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The same as JSON: an object for one pool, a list of them for several. */
export function chainDocument(shown: readonly InputBoot[]): object {
  const documents = shown.map((one) => ({
    path: one.input.path,
    chain: linksOf(one).map(({ item, depth, offset }) => {
      if (!isSpan(item)) return { gap: true, depth, offset, start: item.start, duration: item.duration };
      const { name, agent, id, start, duration, result, state, reason } = item;
      return { name, agent, id, depth, offset, start, duration, result, state, reason };
    }),
  }));
  const [first] = documents;
  return first !== undefined && documents.length === 1 ? first : documents;
}

interface Link {
  item: TimelineNode | Gap;
  depth: number;
  /** Seconds since the boot began. */
  offset: number;
}

/** The spans of the critical path in the order of time, each before those in it, and the gaps between the roots. */
function linksOf({ boot }: InputBoot): Link[] {
  const { roots, criticalPath, gaps } = boot.timeline;
  const depths = new Map(Array.from(spansOf(roots), ({ span, depth }) => [span, depth]));
  const origin = originOf(boot) ?? 0;
  const offsetOf = ({ start }: { start: Date }): number => (start.getTime() - origin) / 1000;
  const links: Link[] = [];
  const left = [...gaps].reverse();
  for (const span of criticalPath) {
    const depth = depths.get(span) as number;
    for (let gap = left.at(-1); depth === 0 && gap && gap.start < span.start; gap = left.at(-1)) {
      links.push({ item: gap, depth: 0, offset: offsetOf(gap) });
      left.pop();
    }
    links.push({ item: span, depth, offset: offsetOf(span) });
  }
  return links;
}

function isSpan(item: TimelineNode | Gap): item is TimelineNode {
  return 'name' in item;
}

function piecesOf(item: TimelineNode | Gap, depth: number, { glyphs }: Style): Piece[] {
  if (!isSpan(item)) return [{ text: 'no span was open', color: COLORS.dim }];
  const { name, agent, result, state, reason } = item;
  const isFailed = result === 'fail';
  const pieces: Piece[] = [{ text: escapeInvisible(name), color: isFailed ? COLORS.boldRed : COLORS.bold }];
  if (isFailed) pieces.push({ text: `${glyphs.fail} FAILED`, color: COLORS.boldRed, gap: 2 });
  if (state !== 'finished') pieces.push({ text: state.replace('-', ' '), color: COLORS.boldYellow, gap: 2 });
  if (depth === 0) pieces.push({ text: escapeInvisible(agent), color: COLORS.dim, gap: 2 });
  if (reason !== undefined) pieces.push({ text: escapeInvisible(reason), gap: 2 });
  return pieces;
}
