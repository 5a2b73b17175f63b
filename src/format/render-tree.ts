import { booleanOption, type Checks, readOptions, withLists } from '../option.ts';
import { durationText } from './duration-text.ts';
import { artifactSize, fieldTexts, treeValueText } from './item-text.ts';
import { isSpan, mixed } from './mixed.ts';
import { shownName } from './shown-name.ts';
import type { Tree, TreeEvent, TreeSpan } from './tree.ts';
import { escapeInvisible } from './value-text.ts';

export interface RenderOptions {
  /** Whether levels and results have a terminal's colors. Default `false`. */
  color?: boolean | undefined;
}

const OPTIONS: Checks<RenderOptions> = { color: booleanOption };

/** How deep spans are indented; without a bound, lines would grow without end. */
const INDENT_MAX = 64;

const COLORS = { red: 31, green: 32, yellow: 33, blue: 34, gray: 90, bold: 1 };
type Paint = (text: string, color: keyof typeof COLORS) => string;

interface Row {
  item: TreeSpan | TreeEvent;
  /** The text before the branch. */
  indent: string;
  depth: number;
  isLast: boolean;
}

/**
 * Prints spans with their durations, results, fields and reasons, and events with theirs, one line each; without a line
 * feed at the end. Of an artifact the size is printed.
 *
 * @example
 * ```ts
 * console.log(renderTree(timeline((await readDiagnostics('pool')).diagnostics)));
 * ```
 */
export function renderTree(tree: Tree, options?: RenderOptions): string {
  const { color = false } = readOptions(OPTIONS, options);
  const { roots, events = [] } = withLists('tree', tree, 'what timeline() returns, with `roots`', 'roots');
  const paint: Paint = color ? (text, name) => `\u001b[${COLORS[name]}m${text}\u001b[0m` : (text) => text;
  const lines: string[] = [];
  const rows = rowsOf(events, roots, '', 0);
  for (let row = rows.pop(); row !== undefined; row = rows.pop()) {
    const { item, indent, depth, isLast } = row;
    const branch = depth === 0 ? '' : isLast ? '└─ ' : '├─ ';
    lines.push(
      paint(indent + branch, 'gray') + (isSpan(item) ? spanLine(item, paint) : eventLine(item, paint)),
    );
    if (!isSpan(item)) continue;
    const below = depth === 0 || depth > INDENT_MAX ? indent : indent + (isLast ? '   ' : '│  ');
    for (const next of rowsOf(item.events, item.children, below, depth + 1)) rows.push(next);
  }
  return lines.join('\n');
}

/** Rows in reverse order, because the caller takes them from the end. */
function rowsOf(
  events: readonly TreeEvent[],
  spans: readonly TreeSpan[],
  indent: string,
  depth: number,
): Row[] {
  const items = mixed(events, spans);
  return items.map((item, i) => ({ item, indent, depth, isLast: i === items.length - 1 })).reverse();
}

function spanLine(span: TreeSpan, paint: Paint): string {
  const { name, state, duration, clock, result, fields = {}, reason, sources = [] } = span;
  const parts = [paint(escapeInvisible(shownName(name, fields['otel.name'])), 'bold')];
  if (duration !== undefined)
    parts.push(durationText(duration) + (clock === 'wall' ? ' by the wall clock' : ''));
  if (result !== undefined) parts.push(resultText(result, paint));
  if (state === 'unfinished') parts.push(paint('unfinished', 'yellow'));
  if (state === 'start-missing') parts.push(paint('start missing', 'yellow'));
  const details = fieldTexts(fields);
  if (reason !== undefined) details.push(`reason=${treeValueText(reason)}`);
  if (sources.length > 0) details.push(`reason.sources=${treeValueText(sources)}`);
  if (details.length > 0) parts.push(details.join(' '));
  return parts.join('  ');
}

function eventLine(event: TreeEvent, paint: Paint): string {
  const { level, name, message, duration, result, fields } = event;
  const parts: string[] = [];
  if (level !== undefined) parts.push(paint(escapeInvisible(level), levelColor(level)));
  else if (name !== undefined) parts.push(escapeInvisible(name));
  const size = level === undefined ? artifactSize(event) : undefined;
  if (size !== undefined) parts.push(`${size} bytes`);
  else if (message !== undefined) parts.push(escapeInvisible(message));
  parts.push(...fieldTexts(fields));
  if (duration !== undefined) parts.push(durationText(duration));
  if (result !== undefined) parts.push(resultText(result, paint));
  return parts.join(' ');
}

function resultText(result: 'success' | 'fail', paint: Paint): string {
  return paint(result, result === 'success' ? 'green' : 'red');
}

function levelColor(level: string): keyof typeof COLORS {
  if (level === 'ERROR') return 'red';
  if (level === 'WARN') return 'yellow';
  return level === 'INFO' ? 'green' : 'blue';
}
