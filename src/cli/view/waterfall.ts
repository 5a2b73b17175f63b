import { LEVEL_COLORS } from '../../format/ansi.ts';
import { durationText } from '../../format/duration-text.ts';
import { fieldTexts } from '../../format/item-text.ts';
import { isSpan, mixed } from '../../format/mixed.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Boot } from '../../diagnostics/summary/last-boot.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import { bootPhases, originOf } from '../../diagnostics/summary/boot-phases.ts';
import { verbosityOf } from '../../tracing/level.ts';
import { Axis } from './axis.ts';
import { flow, type Piece } from './flow.ts';
import { COLORS, type Glyphs, type Style } from './style.ts';
import { shownName } from '../../format/shown-name.ts';
import { cutTo } from '../text-width.ts';

/** The spans and events of a pool, under a title if there are several. */
export interface Part {
  title?: string;
  boot: Boot;
  /** How long it took. */
  seconds: number;
}

interface Row {
  item: TimelineNode | Diagnostic;
  /** The text before the branch. */
  indent: string;
  depth: number;
  isLast: boolean;
  /** The agent of the span around it. */
  agent: string | undefined;
}

/** From this width on, the start of spans has a column. */
const WIDE = 90;
/** Columns that a span or an event takes at most, on lines of which there are at least three. */
const TEXT_MAX = 220;
/** The longest message that is taken for a line of text, not for a file. */
const LINE_MAX = 1024;

/** Draws the trees of pools beside bars on one time axis. */
export class Waterfall {
  readonly #style: Style;
  readonly #parts: readonly Part[];
  readonly #axis: Axis;
  readonly #from: number;
  readonly #decimals: number;
  readonly #hasStart: boolean;
  readonly #startWidth: number;
  readonly #textWidth: number;
  readonly #indentMax: number;
  readonly #linesMax: number;
  readonly #critical = new Set<TimelineNode>();
  /** What the legend explains. */
  readonly #seen = new Set<keyof Glyphs | 'wall'>();

  constructor(parts: readonly Part[], style: Style) {
    this.#parts = parts;
    this.#style = style;
    let from = Infinity;
    let to = -Infinity;
    for (const { boot, seconds } of parts) {
      const { start, end, criticalPath } = boot.timeline;
      if (start === undefined || end === undefined) continue;
      from = Math.min(from, originOf(boot) ?? Infinity);
      to = Math.max(to, end.getTime(), start.getTime() + seconds * 1000);
      for (const span of criticalPath) this.#critical.add(span);
    }
    const { width } = style;
    const axisWidth = Math.round(width * (width < 60 ? 0.25 : width < 140 ? 0.3 : 0.4));
    const total = Math.max(0, to - from) / 1000;
    this.#from = from;
    this.#decimals = total < 10 ? 3 : total < 100 ? 2 : total < 10_000 ? 1 : 0;
    this.#hasStart = width >= WIDE;
    this.#startWidth = this.#hasStart ? Math.max(5, offsetText(total, this.#decimals).length) + 1 : 0;
    this.#axis = new Axis(from, to, axisWidth, style);
    this.#textWidth = width - axisWidth - this.#startWidth - TOOK_WIDTH - 4;
    this.#linesMax = Math.max(3, Math.ceil(TEXT_MAX / this.#textWidth));
    this.#indentMax = Math.max(1, Math.floor(this.#textWidth / 6)) * 3;
  }

  /** The lines of the picture; none if there is nothing to draw. */
  lines(): string[] {
    if (this.#from === Infinity) return [];
    const lines = [this.#header()];
    for (const { title, boot } of this.#parts) {
      if (title !== undefined) lines.push(...this.#title(title));
      lines.push(...this.#system(boot));
      this.#drawTree(boot, lines);
    }
    const legend = this.#legend();
    return legend.length > 0 ? [...lines, '', ...legend] : lines;
  }

  #header(): string {
    const start = this.#hasStart ? 'start'.padStart(this.#startWidth) : '';
    return `${this.#axis.labels()}${this.#style.paint(COLORS.dim, `${start} ${'took'.padStart(TOOK_WIDTH)}`)}`;
  }

  *#title(title: string): Generator<string> {
    yield this.#line(this.#axis.empty(), '', '', ' ', '');
    yield this.#line(this.#axis.empty(), '', '', ' ', this.#cut(escapeInvisible(title), COLORS.bold));
  }

  /** When the kernel and userspace started. */
  *#system(boot: Boot): Generator<string> {
    for (const { name, from, to } of bootPhases(boot)) {
      yield this.#line(
        this.#axis.bar({ from, to, color: COLORS.dim }),
        this.#offset(from),
        durationText((to - from) / 1000),
        ' ',
        this.#cut(`  ${name}`, COLORS.dim),
      );
    }
  }

  #drawTree({ timeline: { roots, events } }: Boot, drawn: string[]): void {
    const { glyphs, paint } = this.#style;
    const rows = rowsOf(events, roots, '', 0, undefined);
    for (let row = rows.pop(); row !== undefined; row = rows.pop()) {
      const { item, indent, depth, isLast } = row;
      const branch = depth === 0 ? '' : isLast ? glyphs.lastBranch : glyphs.branch;
      const isFull = depth === 0 || indent.length + glyphs.rail.length > this.#indentMax;
      const below = isFull ? indent : indent + (isLast ? '   ' : glyphs.rail);
      const isOfSpan = isSpan(item);
      const hasMore = isOfSpan && item.children.length + item.events.length > 0;
      // Behind the rails of what is around it comes the one to what is in it.
      const hanging = `${below}${hasMore ? glyphs.rail : '   '}`.slice(0, this.#indentMax);
      const width = this.#textWidth - Math.max(indent.length + branch.length, hanging.length);
      const pieces = isOfSpan ? this.#spanPieces(item, row, width) : this.#eventPieces(item, row);
      const lines = flow(pieces, width, this.#style, this.#linesMax);
      const [first = '', ...others] = lines;
      const isCritical = isOfSpan && this.#critical.has(item);
      if (isCritical) this.#seen.add('critical');
      const axis = isOfSpan
        ? this.#bar(item, isCritical)
        : this.#axis.moment(item.time.getTime(), levelColor(item.level));
      const offset = this.#offset((isOfSpan ? item.start : item.time).getTime());
      const took = isOfSpan || this.#hasStart ? this.#took(item) : `+${offset}`;
      const mark = isCritical ? glyphs.critical : ' ';
      drawn.push(this.#line(axis, offset, took, mark, paintIf(paint, COLORS.dim, indent + branch) + first));
      for (const line of others) {
        drawn.push(this.#line(this.#axis.empty(), '', '', ' ', paintIf(paint, COLORS.dim, hanging) + line));
      }
      if (!isOfSpan) continue;
      for (const next of rowsOf(item.events, item.children, below, depth + 1, item.agent)) rows.push(next);
    }
  }

  #bar(span: TimelineNode, isCritical: boolean): string {
    const from = span.start.getTime();
    const isFailed = span.result === 'fail';
    const color = isFailed
      ? COLORS.red
      : span.state === 'unfinished'
        ? COLORS.yellow
        : isCritical
          ? COLORS.cyan
          : COLORS.blue;
    if (span.state === 'unfinished') return this.#axis.bar({ from, color });
    const to = span.duration === undefined ? span.end?.getTime() : from + span.duration * 1000;
    return this.#axis.bar({ from, to: to ?? from, isCritical, isFailed, color });
  }

  #took({ duration, ...item }: TimelineNode | Diagnostic): string {
    if (duration === undefined) return '';
    const isWall = 'clock' in item && item.clock === 'wall';
    if (isWall) this.#seen.add('wall');
    return (isWall ? '~' : '') + durationText(duration);
  }

  #spanPieces(span: TimelineNode, { agent, depth, indent }: Row, width: number): Piece[] {
    const { glyphs } = this.#style;
    const { name, state, result, reason, sources = [], fields, message } = span;
    const [mark, color] =
      result === 'fail'
        ? (['fail', COLORS.boldRed] as const)
        : state === 'unfinished'
          ? (['unfinished', COLORS.boldYellow] as const)
          : result === 'success'
            ? (['success', COLORS.green] as const)
            : (['none', COLORS.dim] as const);
    this.#seen.add(mark);
    // Rails end where the text would have no room; then the depth is a number.
    const level = depth > 0 && indent.length + glyphs.rail.length > this.#indentMax ? `${depth}` : '';
    const room = width - 2 - (level === '' ? 0 : level.length + 1);
    const pieces: Piece[] = [
      ...(level === '' ? [] : [{ text: level, color: COLORS.dim }]),
      { text: glyphs[mark], color },
      {
        text: cutTo(escapeInvisible(shownName(name, fields?.['otel.name'])), room, glyphs.ellipsis),
        color: mark === 'fail' ? COLORS.boldRed : COLORS.bold,
      },
    ];
    if (result === 'fail') pieces.push({ text: 'FAILED', color: COLORS.boldRed, gap: 2 });
    if (state !== 'finished')
      pieces.push({ text: state.replace('-', ' '), color: COLORS.boldYellow, gap: 2 });
    if (span.agent !== agent) pieces.push({ text: escapeInvisible(span.agent), color: COLORS.dim, gap: 2 });
    if (reason !== undefined) pieces.push({ text: escapeInvisible(reason), gap: 2 });
    for (const source of sources) {
      pieces.push({ text: `${glyphs.because.trim()} ${escapeInvisible(source)}` });
    }
    if (message !== undefined && !name.endsWith(message)) {
      pieces.push({ text: escapeInvisible(message), color: COLORS.dim, gap: 2 });
    }
    return withFields(pieces, fields);
  }

  #eventPieces(event: Diagnostic, { agent }: Row): Piece[] {
    const { level, name, message, fields, result } = event;
    this.#seen.add('event');
    const pieces: Piece[] = [];
    if (level === undefined) pieces.push({ text: escapeInvisible(name) });
    else pieces.push({ text: escapeInvisible(level), color: levelColor(level) });
    const size = level === undefined ? sizeOf(event) : undefined;
    if (message !== undefined) pieces.push({ text: escapeInvisible(message) });
    if (size !== undefined) pieces.push({ text: `(${size} bytes)`, color: COLORS.dim });
    if (result !== undefined)
      pieces.push({
        text: result === 'fail' ? 'FAILED' : 'success',
        color: result === 'fail' ? COLORS.boldRed : COLORS.green,
        gap: 2,
      });
    if (agent === undefined) pieces.push({ text: escapeInvisible(event.agent), color: COLORS.dim, gap: 2 });
    // The type of cloud-init's events says no more than that.
    const { type, ...others } = fields;
    const isUsual = event.format === 'cloud-init' && (type === 'diagnostic' || type === name);
    return withFields(pieces, isUsual ? others : fields);
  }

  #offset(time: number): string {
    return offsetText((time - this.#from) / 1000, this.#decimals);
  }

  #line(axis: string, start: string, took: string, mark: string, text: string): string {
    const started = this.#hasStart ? start.padStart(this.#startWidth) : '';
    const { paint } = this.#style;
    const time = `${started && paint(COLORS.dim, started)} ${took.padStart(TOOK_WIDTH)}`;
    return `${axis}${time} ${paintIf(paint, COLORS.cyan, mark)} ${text}`.trimEnd();
  }

  #cut(text: string, color: string): string {
    return this.#style.paint(color, cutTo(text, this.#textWidth, this.#style.glyphs.ellipsis));
  }

  #legend(): string[] {
    const { glyphs, width } = this.#style;
    const meanings: [mark: keyof Glyphs | 'wall', text: string][] = [
      ['critical', `${glyphs.critical} critical path: the end had to wait for it`],
      ['fail', `${glyphs.fail} failed`],
      ['unfinished', `${glyphs.unfinished} ${glyphs.open}${glyphs.dash} did not end`],
      ['success', `${glyphs.success} success`],
      ['none', `${glyphs.none} no result`],
      ['event', `${glyphs.event} event`],
      ['wall', '~ by the wall clock'],
    ];
    const pieces = meanings
      .filter(([mark]) => this.#seen.has(mark))
      .map(([, text]) => ({ text: text.replaceAll(' ', '\u00a0'), color: COLORS.dim, gap: 3 }));
    return pieces.length === 0
      ? []
      : flow(pieces, width, this.#style).map((line) => line.replaceAll('\u00a0', ' '));
  }
}

/** Columns of durations: `12 min 30 s`. */
const TOOK_WIDTH = 9;

/** Rows in reverse order, because the caller takes them from the end. */
function rowsOf(
  events: readonly Diagnostic[],
  spans: readonly TimelineNode[],
  indent: string,
  depth: number,
  agent: string | undefined,
): Row[] {
  const items = mixed(events, spans);
  return items.map((item, i) => ({ item, indent, depth, isLast: i === items.length - 1, agent })).reverse();
}

function withFields(pieces: Piece[], fields: Readonly<Record<string, unknown>>): Piece[] {
  for (const text of fieldTexts(fields)) pieces.push({ text, color: COLORS.dim });
  return pieces;
}

/** The bytes of what is no line of text. */
function sizeOf({ bytes, text, message }: Diagnostic): number | undefined {
  if (bytes !== undefined) return bytes.length;
  return (message ?? '').length > LINE_MAX || (message === undefined && text !== '')
    ? Buffer.byteLength(text)
    : undefined;
}

function levelColor(level: string | undefined): string {
  return LEVEL_COLORS[verbosityOf(level) ?? 0] || COLORS.blue;
}

function offsetText(seconds: number, decimals: number): string {
  return seconds.toFixed(decimals);
}

function paintIf(paint: Style['paint'], color: string, text: string): string {
  return text.trim() === '' ? text : paint(color, text);
}
