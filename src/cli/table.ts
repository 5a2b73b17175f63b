import { cutTo, endOf, widthOf, wrapText } from './text-width.ts';

export interface Column {
  readonly title: string;
  /** Default `'left'`. */
  readonly align?: 'left' | 'right';
  /** Whether its cells stay on one line if the others have room enough then. Default `false`. */
  readonly whole?: boolean;
  /** Which part of a cell is kept that is cut. Default `'start'`. */
  readonly keep?: 'start' | 'end';
}

/** Columns between two cells. */
const GAP = '  ';
/** Columns that each other cell must have left for those that stay on one line. */
const ROOM_MIN = 8;

/**
 * A table of at most `width` columns of a terminal; a cell that is too long continues on the next line, or is cut if
 * there is a `mark` for that. Without titles it has no header. Cells have no control characters.
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  mark?: string,
): string {
  const titles = columns.map(({ title }) => title);
  const lines = titles.some((title) => title !== '') ? [titles, ...rows] : rows;
  const natural = columns.map((_, index) =>
    lines.reduce((widest, row) => Math.max(widest, widthOf(row[index] ?? '')), 1),
  );
  const widths = fitted(columns, natural, width - GAP.length * (columns.length - 1));
  const last = columns.length - 1;
  return lines
    .flatMap((row) => {
      const cells = columns.map(({ keep }, index) => {
        const [text, room] = [row[index] ?? '', widths[index] as number];
        if (mark === undefined) return wrapText(text, room);
        return [keep === 'end' ? endOf(text, room, mark) : cutTo(text, room, mark)];
      });
      const height = Math.max(...cells.map(({ length }) => length));
      return Array.from({ length: height }, (_, line) =>
        columns
          .map(({ align }, index) => {
            const text = cells[index]?.[line] ?? '';
            const room = ' '.repeat(Math.max(0, (widths[index] as number) - widthOf(text)));
            return align === 'right' ? room + text : index === last ? text : text + room;
          })
          .join(GAP)
          .trimEnd(),
      );
    })
    .map((line) => `${line}\n`)
    .join('');
}

/** Shares out `room` columns: what is whole or narrow keeps its width, the others get the same. */
function fitted(columns: readonly Column[], natural: readonly number[], room: number): number[] {
  const sum = natural.reduce((all, width, index) => all + (columns[index]?.whole ? width : ROOM_MIN), 0);
  const isWhole = (column: number): boolean => sum <= room && columns[column]?.whole === true;
  const widths = natural.map((width, index) => (isWhole(index) ? width : 0));
  const others = natural.map((_, index) => index).filter((index) => !isWhole(index));
  let left = widths.reduce((all, width) => all - width, room);
  others.sort((a, b) => (natural[a] ?? 0) - (natural[b] ?? 0));
  others.forEach((column, index) => {
    const share = Math.max(1, Math.floor(left / (others.length - index)));
    widths[column] = Math.min(natural[column] ?? 1, share);
    left -= widths[column];
  });
  return widths;
}
