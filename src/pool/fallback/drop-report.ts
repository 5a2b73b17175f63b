import type { DropReport, Dropped } from '../pool-writer.ts';
import { Date } from '../../tracing/timers.ts';

/**
 * The payload of the drop report for `total` dropped entries, at `time` in milliseconds since 1970; the
 * counterpart of drop_report.rs.
 */
export function dropReportPayload(
  style: DropReport['style'],
  total: number,
  dropped: Dropped,
  time: number,
): string {
  return style === 'json' ? jsonText(total, dropped) : debugText(total, dropped, time);
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
