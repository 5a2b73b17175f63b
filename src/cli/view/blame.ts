import { ownTimes } from '../../diagnostics/timeline/own-times.ts';
import { pathOf, spansOf } from '../../diagnostics/timeline/spans-of.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import { durationText } from '../../format/duration-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import type { InputBoot } from '../boots.ts';
import { COLORS, type Style } from './style.ts';
import { cutTo } from '../text-width.ts';

const TIME_WIDTH = 10;
/** From this width on there are bars. */
const WIDE = 80;
const BAR_WIDTH = 16;

/** The spans of pools by their own time, most first: own time, whole time, a bar and the path. */
export function blameText(shown: readonly InputBoot[], style: Style): string {
  const { glyphs, paint, width } = style;
  const times = ofAll(shown);
  if (times.length === 0)
    return `there is no span in ${shown.map(({ input }) => escapeInvisible(input.path)).join(', ')}\n`;
  const most = times[0]?.own ?? 0;
  const hasBars = width >= WIDE;
  const room = width - 2 * TIME_WIDTH - (hasBars ? BAR_WIDTH + 2 : 0) - 4;
  const titles = `${'own'.padStart(TIME_WIDTH)}${'whole'.padStart(TIME_WIDTH)}`;
  const lines = [paint(COLORS.dim, titles)];
  for (const { span, own, total, path } of times) {
    const time = `${durationText(own).padStart(TIME_WIDTH)}${paint(COLORS.dim, durationText(total).padStart(TIME_WIDTH))}`;
    const cells = most > 0 ? Math.round((own / most) * BAR_WIDTH) : 0;
    const [whole = ''] = glyphs.thick;
    const bar = hasBars ? `  ${paint(COLORS.blue, whole.repeat(cells))}${' '.repeat(BAR_WIDTH - cells)}` : '';
    const isFailed = span.result === 'fail';
    const mark = isFailed ? glyphs.fail : span.state === 'unfinished' ? glyphs.unfinished : ' ';
    const name = escapeInvisible(path.at(-1) as string);
    const around = path
      .slice(0, -1)
      .map((each) => `${escapeInvisible(each)}${glyphs.path}`)
      .join('');
    const text = cutTo(
      `${name}  ${around === '' ? escapeInvisible(span.agent) : `in ${around.slice(0, -glyphs.path.length)}`}`,
      room,
      glyphs.ellipsis,
    );
    const color = isFailed ? COLORS.boldRed : COLORS.bold;
    const [shownName, rest] = [text.slice(0, name.length), text.slice(name.length)];
    lines.push(
      `${time}${bar}  ${isFailed ? paint(COLORS.boldRed, mark) : mark} ${paint(color, shownName)}${rest && paint(COLORS.dim, rest)}`,
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** The same as JSON: a list of spans, in seconds. */
export function blameDocument(shown: readonly InputBoot[]): object[] {
  return ofAll(shown).map(({ span: { name, agent, id, start, result, state }, own, total, path }) => ({
    name,
    path,
    agent,
    id,
    start,
    own,
    total,
    result,
    state,
  }));
}

function ofAll(shown: readonly InputBoot[]) {
  const paths = new Map<TimelineNode, string[]>();
  for (const { boot } of shown) {
    for (const placed of spansOf(boot.timeline.roots)) paths.set(placed.span, pathOf(placed));
  }
  return shown
    .flatMap(({ boot }) => ownTimes(boot.timeline))
    .sort((one, other) => other.own - one.own)
    .map((each) => ({ ...each, path: paths.get(each.span) as string[] }));
}
