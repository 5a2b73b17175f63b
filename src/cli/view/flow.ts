import type { Style } from './style.ts';
import { cutTo, widthOf } from '../text-width.ts';

/** A part of a text. */
export interface Piece {
  text: string;
  /** As of `COLORS`. Default: none. */
  color?: string;
  /** Spaces before it. Default 1. */
  gap?: number;
}

/** Lines of a text that is broken at spaces, and within words that are longer than a line. */
export function flow(
  pieces: readonly Piece[],
  width: number,
  { glyphs: { ellipsis }, paint }: Pick<Style, 'glyphs' | 'paint'>,
  linesMax = Infinity,
): string[] {
  const line = lineOf(pieces, width, paint);
  if (line !== undefined) return [line];
  const lines: Piece[][] = [[]];
  let used = 0;
  let isCut = false;
  const put = (text: string, color: string | undefined): void => {
    const line = lines.at(-1) as Piece[];
    const last = line.at(-1);
    if (last !== undefined && last.color === color) last.text += text;
    else line.push({ text, ...(color !== undefined && { color }) });
  };
  const next = (): boolean => {
    if (lines.length >= linesMax) return false;
    lines.push([]);
    used = 0;
    return true;
  };
  words: for (const { text, color, gap = 1 } of pieces) {
    let space = gap;
    for (let word of text.split(' ')) {
      let size = widthOf(word);
      if (used > 0 && used + space + size > width && (size <= width || used + space > width / 2)) {
        if (!next()) isCut = true;
      }
      for (; !isCut;) {
        const before = used > 0 ? space : 0;
        if (used + before + size <= width) {
          put(' '.repeat(before) + word, color);
          used += before + size;
          break;
        }
        const start = cutTo(word, width - used - before);
        // A character that is wider than a line stands alone.
        const taken = start === '' && used === 0 ? [...word].slice(0, 1).join('') : start;
        put(' '.repeat(before) + taken, color);
        word = word.slice(taken.length);
        size -= widthOf(taken);
        if (!next()) isCut = true;
      }
      if (isCut) break words;
      space = 1;
    }
  }
  if (isCut) shorten(lines.at(-1) as Piece[], width - widthOf(ellipsis), ellipsis);
  return lines.map((line) =>
    line.map(({ text, color }) => (color === undefined ? text : paint(color, text))).join(''),
  );
}

/** The whole text as a line, if it is short enough. */
function lineOf(pieces: readonly Piece[], width: number, paint: Style['paint']): string | undefined {
  let line = '';
  let left = width;
  for (const { text, color, gap = 1 } of pieces) {
    const space = line === '' ? 0 : gap;
    left -= space + widthOf(text);
    if (left < 0) return undefined;
    if (text !== '') line += ' '.repeat(space) + (color === undefined ? text : paint(color, text));
  }
  return line;
}

/** Cuts a line to a width and puts the ellipsis behind it. */
function shorten(line: Piece[], width: number, ellipsis: string): void {
  let used = line.reduce((sum, { text }) => sum + widthOf(text), 0);
  for (let last = line.at(-1); last !== undefined && used > width; last = line.at(-1)) {
    const size = widthOf(last.text);
    used -= size;
    last.text = cutTo(last.text, Math.max(0, width - used));
    used += widthOf(last.text);
    if (last.text === '') line.pop();
  }
  line.push({ text: ellipsis });
}
