import { type Boot, lastBoot } from '../../diagnostics/summary/last-boot.ts';
import { summarize } from '../../diagnostics/summary/summary.ts';
import type { PoolContent } from '../../diagnostics/read/read-diagnostics.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import type { InputBoot } from '../boots.ts';
import { factLines, outcomeLines } from './headline.ts';
import { COLORS, type Style } from './style.ts';
import { cutTo } from '../text-width.ts';
import { Waterfall } from './waterfall.ts';

/** Boots before the last one that are drawn. */
const EARLIER_MAX = 3;

/** How boots went, as text: the answer first, then the trees on one time axis, then what is of earlier boots. */
export function pictureOf(shown: readonly InputBoot[], style: Style): string {
  return [...linesOf(shown, style), ''].join('\n');
}

function* linesOf(shown: readonly InputBoot[], style: Style): Generator<string> {
  const hasTitles = shown.length > 1;
  for (const [index, { input, summary }] of shown.entries()) {
    if (index > 0) yield '';
    if (hasTitles) yield heading(input.path, style);
    yield* outcomeLines(summary, input.path, style);
    if (summary.records.total > 0) {
      yield '';
      yield* factLines(summary, { path: input.path, problems: input.content.problems }, style);
    }
  }
  const parts = shown.map(({ input, boot, summary: { seconds } }) => ({
    boot,
    seconds,
    ...(hasTitles && { title: input.path }),
  }));
  yield* section(new Waterfall(parts, style).lines());
  for (const { input, boot } of shown) {
    yield* others('earlier boot', boot.earlier, hasTitles ? input.path : undefined, style);
    yield* others('other VMs', boot.otherVms, hasTitles ? input.path : undefined, style);
  }
}

/** What is not of this boot, each boot with its outcome on an axis of its own. */
function* others(
  name: string,
  content: PoolContent,
  path: string | undefined,
  style: Style,
): Generator<string> {
  let rest: PoolContent | undefined = content;
  for (let count = 0; rest.diagnostics.length + rest.reports.length > 0; count++) {
    yield '';
    if (count === EARLIER_MAX) {
      yield style.paint(
        COLORS.dim,
        `${style.glyphs.ellipsis} ${rest.diagnostics.length} spans and events of boots before`,
      );
      return;
    }
    const boot: Boot = lastBoot(rest);
    yield heading(path === undefined ? name : `${name} in ${path}`, style);
    const summary = summarize(boot);
    yield* outcomeLines(summary, path ?? name, style);
    yield* section(new Waterfall([{ boot, seconds: summary.seconds }], style).lines());
    rest = boot.earlier;
  }
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', ...lines];
}

function heading(text: string, { paint, width, glyphs }: Style): string {
  return paint(COLORS.bold, cutTo(escapeInvisible(text), width, glyphs.ellipsis));
}
