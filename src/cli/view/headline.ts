import type { RecordProblem } from '../../diagnostics/diagnostic.ts';
import type { FirstFailure, Summary, SummaryPart, SummaryReport } from '../../diagnostics/summary/summary.ts';
import { outcomeText } from '../../diagnostics/summary/outcome-text.ts';
import { durationText } from '../../format/duration-text.ts';
import { fieldTexts } from '../../format/item-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import { flow, type Piece } from './flow.ts';
import { COLORS, type Style } from './style.ts';
import { counted } from '../counted.ts';
import { recordsText } from '../problem-text.ts';
import { cutTo } from '../text-width.ts';

/** What the headline is about besides the summary. */
export interface Subject {
  path: string;
  problems: readonly RecordProblem[];
}

const LABEL_WIDTH = 14;
/** Items of a list, and lines of a traceback, that are shown. */
const LISTED_MAX = 6;
const TRACEBACK_LINES_MAX = 16;

const OUTCOMES = {
  success: { mark: 'success', word: 'SUCCESS', color: COLORS.boldGreen },
  failure: { mark: 'fail', word: 'FAILED', color: COLORS.boldRed },
  unfinished: { mark: 'unfinished', word: 'UNFINISHED', color: COLORS.boldYellow },
  unknown: { mark: 'none', word: 'UNKNOWN', color: COLORS.bold },
} as const;

/** The outcome and why, in one paragraph. */
export function* outcomeLines(summary: Summary, path: string, style: Style): Generator<string> {
  const { mark, word, color } = OUTCOMES[summary.outcome];
  const pieces: Piece[] = [
    { text: style.glyphs[mark], color },
    { text: word, color },
    {
      text: escapeInvisible(outcomeText(summary, path)),
      gap: 2,
      ...(summary.outcome === 'failure' && { color: COLORS.bold }),
    },
  ];
  yield* flow(pieces, style.width, style);
}

/** What an operator asks next: a label and what is known, each. */
export function* factLines(summary: Summary, { problems }: Subject, style: Style): Generator<string> {
  const { firstFailure, report } = summary;
  const { glyphs } = style;
  const fact = (label: string, pieces: readonly Piece[], linesMax?: number): Generator<string> =>
    labelled(label, pieces, style, linesMax);
  if (firstFailure !== undefined) yield* failureLines(firstFailure, summary, style);
  if (report !== undefined) yield* reportLines(report, summary, style);
  const { bootTime, kernelStart, userspaceStart, cloudInitStart, start } = summary;
  if (bootTime !== undefined) {
    const since = (name: string, time: Date | undefined): Piece[] =>
      time === undefined
        ? []
        : [{ text: `${name} +${((time.getTime() - bootTime.getTime()) / 1000).toFixed(2)} s`, gap: 2 }];
    yield* fact('booted', [
      { text: timeText(kernelStart ?? bootTime) },
      ...since('userspace', userspaceStart),
      ...since('cloud-init', cloudInitStart),
    ]);
  }
  if (start !== undefined) {
    yield* fact('started', [
      { text: timeText(start) },
      { text: `took ${durationText(summary.seconds)}`, gap: 2 },
    ]);
  }
  const slowest = summary.slowest.filter(({ own }) => own > 0);
  if (slowest.length > 0) {
    yield* fact(
      'slowest',
      listed(
        slowest.map(({ name, own }) => `${escapeInvisible(name)} ${durationText(own)}`),
        glyphs.separator,
      ),
    );
  }
  if (summary.vmIds.length > 0) {
    yield* fact(
      summary.vmIds.length === 1 ? 'VM' : 'VMs',
      listed(summary.vmIds.map(escapeInvisible), glyphs.separator),
    );
  }
  if (summary.writers.length > 0) {
    yield* fact(
      'written by',
      listed(
        summary.writers.map(
          ({ agent, format, records }) =>
            `${escapeInvisible(agent)} (${agent === format ? '' : `${format}, `}${records})`,
        ),
        glyphs.separator,
      ),
    );
  }
  yield* fact('records', listed(recordTexts(summary), glyphs.separator));
  for (const { agent, message, fields } of summary.dropped.slice(0, LISTED_MAX)) {
    yield* fact(
      'dropped',
      [
        { text: escapeInvisible(message), color: COLORS.yellow },
        { text: `by ${escapeInvisible(agent)}` },
        { text: fieldTexts(fields).join(' '), color: COLORS.dim, gap: 2 },
      ],
      3,
    );
  }
  const { defects } = summary;
  if (defects?.stop !== undefined) {
    const { record, field } = defects.stop;
    yield* fact('host', [
      {
        text: `stops reading at record ${record}, whose ${field ?? 'text'} is no UTF-8: it gets ${record} of ${summary.records.total} records`,
        color: COLORS.boldYellow,
      },
    ]);
  }
  yield* partLines('earlier boot', summary.earlier, style);
  yield* partLines('other VMs', summary.otherVms, style);
  for (const { reason, message, records } of problems.slice(0, LISTED_MAX)) {
    yield* fact(
      'unreadable',
      [
        { text: `${recordsText(records)}: ${reason},`, color: COLORS.yellow },
        { text: escapeInvisible(message) },
      ],
      3,
    );
  }
  if (problems.length > LISTED_MAX)
    yield* fact('', [{ text: `and ${problems.length - LISTED_MAX} more`, color: COLORS.dim }]);
}

function* failureLines(failure: FirstFailure, summary: Summary, style: Style): Generator<string> {
  const { glyphs } = style;
  const { name, agent, time, path, duration, reason, sources, carried } = failure;
  const after = duration === undefined ? '' : ` after ${durationText(duration)}`;
  yield* labelled(
    'first failure',
    [
      { text: escapeInvisible(name), color: COLORS.boldRed },
      { text: `of ${escapeInvisible(agent)}, at ${timeText(time, summary.start)}${after}` },
    ],
    style,
  );
  if (path.length > 1) {
    yield* labelled('', [{ text: path.map(escapeInvisible).join(glyphs.path), color: COLORS.dim }], style, 3);
  }
  if (reason !== undefined && reason !== summary.reason)
    yield* labelled('', [{ text: escapeInvisible(reason) }], style, 4);
  const causes = sources
    .slice(0, LISTED_MAX)
    .map((source) => `${glyphs.because.trim()} ${escapeInvisible(source)}`);
  for (const cause of causes) yield* labelled('', [{ text: cause }], style, 4);
  if (carried.length > 0) {
    yield* labelled(
      '',
      [{ text: 'failed with it:', color: COLORS.dim }, ...listed(carried.map(escapeInvisible), ',')],
      style,
      3,
    );
  }
}

function* reportLines(report: SummaryReport, { start }: Summary, style: Style): Generator<string> {
  const { result, agent, time, ppsType, documentationUrl, supportingData, traceback, truncated } = report;
  const isError = result !== 'success';
  const pieces: Piece[] = [
    { text: escapeInvisible(result ?? 'no result'), color: isError ? COLORS.red : COLORS.green },
  ];
  if (agent !== undefined) pieces.push({ text: `by ${escapeInvisible(agent)}` });
  if (time !== undefined) pieces.push({ text: `at ${timeText(time, start)}` });
  if (ppsType !== undefined && ppsType !== 'None')
    pieces.push({ text: `pps_type=${escapeInvisible(ppsType)}` });
  if (truncated) pieces.push({ text: 'cut short', color: COLORS.yellow, gap: 2 });
  yield* labelled('report', pieces, style);
  const data = Object.entries(supportingData);
  for (const [name, text] of data.slice(0, 4 * LISTED_MAX)) {
    yield* labelled(
      '',
      [{ text: `${escapeInvisible(name)}:`, color: COLORS.dim }, { text: escapeInvisible(text) }],
      style,
      6,
    );
  }
  if (documentationUrl !== undefined)
    yield* labelled('', [{ text: escapeInvisible(documentationUrl), color: COLORS.dim }], style);
  if (traceback === undefined) return;
  const lines = traceback.trimEnd().split(/\r?\n/);
  const left = lines.length - TRACEBACK_LINES_MAX;
  if (left > 0) yield indented(style.paint(COLORS.dim, `${style.glyphs.ellipsis} ${left} lines before`));
  for (const line of lines.slice(-TRACEBACK_LINES_MAX)) {
    yield indented(cutTo(escapeInvisible(line), style.width - LABEL_WIDTH, style.glyphs.ellipsis));
  }
}

function* partLines(label: string, part: SummaryPart | undefined, style: Style): Generator<string> {
  if (part === undefined) return;
  const { records, start, end, vmIds } = part;
  const pieces: Piece[] = [{ text: counted(records, 'record'), color: COLORS.yellow }];
  if (start && end) pieces.push({ text: `from ${timeText(start)} to ${timeText(end, start)}` });
  if (label === 'other VMs') pieces.push(...listed(vmIds.map(escapeInvisible), ','));
  yield* labelled(label, pieces, style, 4);
}

function recordTexts({ records: { total, unknown, problems } }: Summary): string[] {
  const texts = [`${total}`];
  if (unknown > 0) texts.push(`${unknown} of others`);
  if (problems > 0) texts.push(`${problems} unreadable`);
  return texts;
}

function listed(texts: readonly string[], separator: string): Piece[] {
  const shown = texts.slice(0, LISTED_MAX);
  if (texts.length > LISTED_MAX) shown.push(`${texts.length - LISTED_MAX} more`);
  const isComma = separator === ',';
  return shown.flatMap((text, i): Piece[] => {
    if (i === shown.length - 1) return [{ text }];
    return isComma ? [{ text: `${text},` }] : [{ text }, { text: separator, color: COLORS.dim }];
  });
}

function* labelled(
  label: string,
  pieces: readonly Piece[],
  style: Style,
  linesMax?: number,
): Generator<string> {
  const lines = flow(pieces, style.width - LABEL_WIDTH, style, linesMax);
  const first = lines.shift() ?? '';
  yield `${label === '' ? ' '.repeat(LABEL_WIDTH) : style.paint(COLORS.dim, label.padEnd(LABEL_WIDTH))}${first}`;
  for (const line of lines) yield indented(line);
}

function indented(line: string): string {
  return ' '.repeat(LABEL_WIDTH) + line;
}

/** `2026-08-31 12:00:08.200 UTC`; without the day if that is the day of `since`. */
function timeText(time: Date, since?: Date): string {
  const text = time.toISOString();
  const day = text.slice(0, -14);
  const clock = `${text.slice(-13, -1)} UTC`;
  return day === since?.toISOString().slice(0, -14) ? clock : `${day} ${clock}`;
}
