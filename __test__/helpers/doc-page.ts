import { readFileSync } from 'node:fs';
import { ROOT } from './programs.ts';

/** A block of code of a page. */
export interface Block {
  /** The first word behind the fence. */
  language: string;
  /** The second: the file that it is written into, or `output`, `part`, `picture`. */
  name: string;
  code: string;
  /** What stands in a comment `<!-- hidden … -->` right before it: statements that a reader needs not see. */
  hidden: string;
  /** Where its code starts in the page's text, and ends. */
  start: number;
  end: number;
  /** The number of its first line. */
  line: number;
}

const BLOCK = /(?:<!-- hidden\n(.*?)-->\n+)?^([ ]*)```(\S+)(?: (\S+))?\n(.*?)^\2```$/gms;

/** The text of a page, by its path in this project. */
export function pageText(page: string): string {
  return readFileSync(new URL(page, ROOT), 'utf8');
}

/** The blocks of a page in their order. */
export function blocksOf(text: string): Block[] {
  return Array.from(text.matchAll(BLOCK), (match) => {
    const [all, hidden = '', indent = '', language = '', name = '', body = ''] = match;
    const end = match.index + all.length - indent.length - 3;
    const start = end - body.length;
    const code = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return { language, name, code, hidden, start, end, line: text.slice(0, start).split('\n').length };
  });
}

/** What differs from run to run and from machine to machine, replaced by what it is. */
const MASKS: readonly [RegExp, string][] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC|\+00:00)?/g, 'TIME'],
  [/\b\d\d:\d\d:\d\d\.\d+ UTC/g, 'TIME'],
  [/"time":\d{13}/g, '"time":TIME'],
  [/\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/g, 'UUID'],
  [/\b[\da-f]{32}\b/g, 'TRACE'],
  [/\b[\da-f]{16}\b/g, 'SPAN'],
  [/\bpid=\d+/g, 'pid=PID'],
  [/(?:\b\d+(?:\.\d+)? ?(?:ns|µs|ms|s|min|h)\b *)+/g, 'DURATION '],
  [/\b\d+\.\d{3,6}\b/g, 'SECONDS'],
  // Which of two short steps took longer, and what the end had to wait for.
  [/^slowest .*$/gm, 'slowest STEP'],
  [/ \*(?= [✓✗?])/g, ''],
  [/[ \t]+/g, ' '],
  [/ *\n[\n ]*/g, '\n'],
];
/** Only on a VM, to root, the id of the VM is known. */
const NO_VM_ID = /^(?:kvp-tracing: )?the id of this VM .*\n/gm;

/** The head of a picture of `kvp show`, which says where the bars end, and the lines below it. */
const PICTURE = /^(0 .*)start +took$\n((?:.+\n?)*)/gm;

/** A picture without its bars, and as one line, because the widths of times decide where lines break. */
function withoutBars(_picture: string, bars: string, lines: string): string {
  const width = bars.length - 1;
  const texts = lines.split('\n').map((line) => (line.startsWith('*') ? line : line.slice(width)));
  return `start took ${texts.join(' ').replaceAll(/[│┊]/g, ' ')}\n`;
}

/** An output in a form that is the same in each run. */
export function masked(output: string): string {
  const text = output.replaceAll(NO_VM_ID, '').replaceAll(PICTURE, withoutBars);
  return MASKS.reduce((text, [pattern, by]) => text.replaceAll(pattern, by), text).trim();
}

/** An output as a page shows it. */
export function shown(output: string): string {
  const text = output.replaceAll(NO_VM_ID, '').replaceAll('\0', '').trimEnd();
  return text === '' ? '' : `${text.replaceAll(/[ \t]+$/gm, '')}\n`;
}
