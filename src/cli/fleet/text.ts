import { withAnsi } from '../../format/ansi.ts';
import { durationText } from '../../format/duration-text.ts';
import { escapeInvisible } from '../../format/value-text.ts';
import { cutTo } from '../text-width.ts';
import { type Column, table } from '../table.ts';
import { COLORS, isUtf8 } from '../view/style.ts';
import { type FleetRow, type Outcome, OUTCOMES } from './row.ts';

/** A column, and from how many columns of a terminal on it is there. */
interface FleetColumn extends Column {
  readonly from?: number;
}

const COLUMNS: readonly FleetColumn[] = [
  { title: 'OUTCOME', whole: true },
  { title: 'TOTAL', align: 'right', whole: true },
  { title: 'SLOWEST STEP', keep: 'end', from: 72 },
  { title: 'WRITERS', from: 140 },
  { title: 'DEFECTS', align: 'right', whole: true, from: 96 },
  { title: 'POOL', keep: 'end' },
  { title: 'REASON' },
];

/** Reasons that the summary has, and columns of each. */
const REASONS_MAX = 5;
const REASON_WIDTH = 80;

/** The rows as a table, each a line: a terminal gets the columns that it has room for, and of a cell as much. */
export function fleetText(rows: readonly FleetRow[], width: number, hasColor: boolean): string {
  const columns = COLUMNS.map((column, index) => ({ column, index })).filter(
    ({ column: { from = 0 } }) => width >= from,
  );
  const text = table(
    columns.map(({ column }) => column),
    rows.map((row) => {
      const cells = cellsOf(row);
      return columns.map(({ index }) => cells[index] as string);
    }),
    width,
    isUtf8() ? '…' : '...',
  );
  return hasColor ? text.replace(OUTCOME, (word) => withAnsi(COLOR_OF[word as Outcome], word)) : text;
}

/** The first column; what continues a cell stands behind blanks. */
const OUTCOME = new RegExp(`^(?:${OUTCOMES.join('|')})(?= )`, 'gm');
const COLOR_OF: Record<Outcome, string> = {
  failure: COLORS.boldRed,
  unfinished: COLORS.boldYellow,
  unreadable: COLORS.yellow,
  'no-pool': COLORS.yellow,
  unknown: COLORS.dim,
  success: COLORS.green,
};

function cellsOf({ outcome, seconds, slowest, writers, defects, path, reason }: FleetRow): string[] {
  return [
    outcome,
    seconds === null ? '-' : durationText(seconds),
    slowest === null ? '-' : `${escapeInvisible(slowest.name)} ${durationText(slowest.own)}`,
    writers.length === 0 ? '-' : writers.map(escapeInvisible).join(', '),
    defects === null ? '-' : String(defects),
    escapeInvisible(path),
    reason === null ? '-' : escapeInvisible(reason),
  ];
}

/** How many pools fared how, and the reasons of those that failed, most first; in one line. */
export function fleetSummary(rows: readonly FleetRow[], total: number): string {
  const outcomes = countsOf(rows.map(({ outcome }) => outcome));
  const ways = OUTCOMES.toReversed()
    .filter((outcome) => outcomes.has(outcome))
    .map((outcome) => `${outcomes.get(outcome)} ${outcome}`);
  const failed = rows.filter(({ outcome }) => outcome === 'failure');
  const reasons = [...countsOf(failed.map(({ reason }) => reason ?? 'no reason'))].sort(
    ([, one], [, other]) => other - one,
  );
  const named = reasons
    .slice(0, REASONS_MAX)
    .map(([reason, count]) => `${count} × ${cutTo(escapeInvisible(reason), REASON_WIDTH, '...')}`);
  if (reasons.length > REASONS_MAX) named.push(`${reasons.length - REASONS_MAX} other reasons`);
  const of = rows.length === total ? '' : ` of ${total}`;
  const what = `${rows.length}${of} pool${total === 1 ? '' : 's'}`;
  const all = ways.length === 0 ? what : `${what}: ${ways.join(', ')}`;
  return named.length === 0 ? all : `${all}; failed by reason: ${named.join('; ')}`;
}

function countsOf<T>(items: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
