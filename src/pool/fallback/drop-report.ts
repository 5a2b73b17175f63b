import type { Entry } from './frame.ts';
import { WARN } from '../limits.ts';
import type { Dropped, Format } from '../pool-writer.ts';

/** The report of what was dropped, `total` in all, at `time` in milliseconds since 1970: the twin of drop_report.rs. */
export function dropReportOf(format: Format, total: number, dropped: Dropped, time: number): Entry {
  const message = `${total} records dropped`;
  const entry = { kind: 'event', level: WARN, time, id: '', seconds: 0 } as const;
  if (format === 'diag') {
    const fields = { message, ...dropped };
    const payload = JSON.stringify({ target: 'kvp_tracing', level: 'WARN', fields });
    return { ...entry, name: 'telemetry:dropped', payload };
  }
  const counts = Object.entries(dropped).map(([reason, levels]) => {
    const texts = Object.entries(levels).map(([level, count]) => `${level}: ${count}`);
    return `, ${reason}={ ${texts.join(', ')} }`;
  });
  const payload = `Time: ${new Date(time).toISOString()} | Event: message=${message}${counts.join('')}`;
  return { ...entry, name: 'kvp_tracing:telemetry:dropped', payload };
}
