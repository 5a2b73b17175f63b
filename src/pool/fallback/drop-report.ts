import type { Entry } from './frame.ts';
import { WARN } from '../limits.ts';
import type { DropReport, Dropped } from '../pool-writer.ts';
import { Date } from '../../tracing/timers.ts';

/** The entry that reports what was dropped, `total` in all, at `time` in milliseconds since 1970: the twin of drop_report.rs. */
export function dropReportEntry(
  { name, style }: DropReport,
  total: number,
  dropped: Dropped,
  time: number,
): Entry {
  const payload = style === 'json' ? jsonText(total, dropped) : debugText(total, dropped, time);
  return { kind: 'event', level: WARN, time, id: '', name, payload, seconds: 0 };
}

function jsonText(total: number, dropped: Dropped): string {
  const fields = { message: `${total} records dropped`, ...dropped };
  return JSON.stringify({ target: 'kvp_tracing', level: 'WARN', fields });
}

function debugText(total: number, dropped: Dropped, time: number): string {
  const counts = Object.entries(dropped).map(([reason, levels]) => {
    const texts = Object.entries(levels).map(([level, count]) => `${level}: ${count}`);
    return `, ${reason}={ ${texts.join(', ')} }`;
  });
  const message = `message=${total} records dropped${counts.join('')}`;
  return `Time: ${new Date(time).toISOString()} | Event: ${message}`;
}
