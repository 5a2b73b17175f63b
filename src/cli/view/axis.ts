import { COLORS, type Style } from './style.ts';

/** What is drawn of a span: how, and from when to when. */
export interface Bar {
  /** In milliseconds since 1970. */
  from: number;
  /** Absent if it has no end. */
  to?: number;
  /** Whether the end had to wait for it. */
  isCritical?: boolean;
  isFailed?: boolean;
  color: string;
}

/** Milliseconds between ticks, from the shortest time to the longest. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  ...[0.1, 1, 10, 100].flatMap((ten) => [ten, 2 * ten, 5 * ten]),
  ...[1, 2, 5, 10, 20, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 4, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5].flatMap((days) =>
    [1, 10, 100, 1000, 10_000, 100_000, 1e6, 1e7].map((ten) => days * ten * DAY),
  ),
].sort((one, other) => one - other);

/** Columns that a label of a tick may take. */
const LABEL_MAX = 7;

/** A time axis that is some columns wide. */
export class Axis {
  readonly width: number;
  readonly #from: number;
  readonly #perColumn: number;
  readonly #style: Style;
  readonly #ticks: { column: number; label: string }[] = [];
  readonly #grid: string;

  /** From and to are in milliseconds since 1970. */
  constructor(from: number, to: number, width: number, style: Style) {
    const span = Math.max(to - from, 1);
    this.width = width;
    this.#from = from;
    this.#perColumn = span / width;
    this.#style = style;
    const step = STEPS.find((each) => each / this.#perColumn >= LABEL_MAX) ?? Infinity;
    for (
      let time = 0, column = 0;
      column < width;
      time += step, column = Math.round(time / this.#perColumn)
    ) {
      this.#ticks.push({ column, label: tickLabel(time) });
    }
    const grid = Array.from({ length: width }, () => ' ');
    for (const { column } of this.#ticks) if (column > 0) grid[column] = style.glyphs.grid;
    this.#grid = grid.join('');
  }

  /** The labels of the ticks. */
  labels(): string {
    let text = '';
    for (const { column, label } of this.#ticks) {
      if (column + label.length <= this.width) text = text.padEnd(column) + label;
    }
    return this.#style.paint(COLORS.dim, text.padEnd(this.width));
  }

  /** The lines of the ticks alone. */
  empty(): string {
    return this.#style.paint(COLORS.dim, this.#grid);
  }

  /** A moment. */
  moment(time: number, color: string): string {
    return this.#row(this.#cell(this.#at(time)), this.#style.glyphs.event, color);
  }

  bar({ from, to, isCritical = false, isFailed = false, color }: Bar): string {
    const { glyphs } = this.#style;
    const start = this.#at(from);
    const first = this.#cell(start);
    if (to === undefined) {
      return this.#row(first, glyphs.open + glyphs.dash.repeat(this.width - first - 1), color);
    }
    const end = Math.max(start, this.#at(to));
    const [whole, ...parts] = isCritical ? glyphs.thick : glyphs.thin;
    const rightPart = isCritical ? glyphs.thickEnd : glyphs.thinEnd;
    const last = Math.max(first, this.#cell(Math.ceil(end) - 1));
    const cells = Array.from({ length: last - first + 1 }, () => whole as string);
    const part = partOf(end - last, whole as string, parts);
    if (first === last)
      cells[0] = start - first >= 0.5 ? rightPart : partOf(end - start, whole as string, parts);
    else {
      if (start - first >= 0.5) cells[0] = rightPart;
      cells[cells.length - 1] = part;
    }
    if (isFailed) cells[cells.length - 1] = glyphs.fail;
    return this.#row(first, cells.join(''), color);
  }

  /** The column of a time, with a fraction. */
  #at(time: number): number {
    return Math.min(this.width, Math.max(0, (time - this.#from) / this.#perColumn));
  }

  #cell(at: number): number {
    return Math.min(this.width - 1, Math.max(0, Math.floor(at)));
  }

  #row(column: number, text: string, color: string): string {
    const { paint } = this.#style;
    const [before, after] = [this.#grid.slice(0, column), this.#grid.slice(column + text.length)];
    return (before && paint(COLORS.dim, before)) + paint(color, text) + (after && paint(COLORS.dim, after));
  }
}

/** The part of a cell that is nearest to a fraction; at least the smallest one, so that nothing is unseen. */
function partOf(fraction: number, whole: string, parts: readonly string[]): string {
  const eighths = Math.round(fraction * (parts.length + 1));
  return eighths > parts.length ? whole : (parts[Math.max(0, eighths - 1)] ?? whole);
}

function tickLabel(milliseconds: number): string {
  if (milliseconds === 0) return '0';
  const [unit, text] =
    milliseconds < SECOND
      ? [1, 'ms']
      : milliseconds < MINUTE
        ? [SECOND, 's']
        : milliseconds < HOUR
          ? [MINUTE, 'min']
          : milliseconds < DAY
            ? [HOUR, 'h']
            : [DAY, 'd'];
  return `${Number((milliseconds / unit).toFixed(2))} ${text}`;
}
