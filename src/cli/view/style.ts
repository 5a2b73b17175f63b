import { type Paint, withAnsi, withoutAnsi } from '../../format/ansi.ts';
import { variables } from '../../tracing/environment.ts';
import { hasColor, isTerminal, outputWidth } from '../output.ts';
import type { GlobalOptions } from '../global-options.ts';

/** The characters of a picture. */
export interface Glyphs {
  ellipsis: string;
  /** Before a span or event: of one with more behind it, of the last one, and below these. */
  branch: string;
  lastBranch: string;
  rail: string;
  /** Results. */
  success: string;
  fail: string;
  unfinished: string;
  none: string;
  critical: string;
  /** A moment, and the line of a tick. */
  event: string;
  grid: string;
  /** A span that has no end, and what follows. */
  open: string;
  dash: string;
  /** Bars: a whole cell, then the parts of one that begin at its left, in equal steps, and the one that ends at its right. */
  thick: readonly string[];
  thickEnd: string;
  thin: readonly string[];
  thinEnd: string;
  /** What of a bar is empty. */
  track: string;
  separator: string;
  path: string;
  because: string;
}

const UNICODE: Glyphs = {
  ellipsis: '…',
  branch: '├─ ',
  lastBranch: '└─ ',
  rail: '│  ',
  success: '✓',
  fail: '✗',
  unfinished: '?',
  none: '·',
  critical: '*',
  event: '•',
  grid: '┊',
  open: '├',
  dash: '┄',
  thick: ['█', '▏', '▎', '▍', '▌', '▋', '▊', '▉'],
  thickEnd: '▐',
  thin: ['▄', '▖'],
  thinEnd: '▗',
  track: '░',
  separator: '·',
  path: ' › ',
  because: ' ← ',
};

const ASCII: Glyphs = {
  ellipsis: '...',
  branch: '|- ',
  lastBranch: '`- ',
  rail: '|  ',
  success: '+',
  fail: 'x',
  unfinished: '?',
  none: '-',
  critical: '*',
  event: '.',
  grid: ':',
  open: '|',
  dash: '-',
  thick: ['#'],
  thickEnd: '#',
  thin: ['='],
  thinEnd: '=',
  track: '-',
  separator: '|',
  path: ' > ',
  because: ' <- ',
};

/** Attributes of text, as the parameters of ANSI escape sequences. */
export const COLORS = {
  bold: '1',
  dim: '2',
  red: '31',
  boldRed: '1;31',
  green: '32',
  boldGreen: '1;32',
  yellow: '33',
  boldYellow: '1;33',
  blue: '34',
  cyan: '36',
} as const;

/** How a picture is drawn. */
export interface Style {
  /** Columns. */
  width: number;
  glyphs: Glyphs;
  paint: Paint;
}

const WIDTH_MIN = 40;
const WIDTH_MAX = 200;

/** The style for stdout: as wide as the terminal, else 100 columns; ASCII where the locale is not UTF-8. */
export function styleOf(options: GlobalOptions): Style {
  return {
    width: Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, outputWidth(100))),
    glyphs: isUtf8() ? UNICODE : ASCII,
    paint: hasColor(options) ? withAnsi : withoutAnsi,
  };
}

/** Whether the locale's characters are those of UTF-8. */
export function isUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = variables();
  // The console of Linux has a font without these characters.
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '') && !(isTerminal() && TERM === 'linux');
}
