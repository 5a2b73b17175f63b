import { parseTimestamp } from '../collect/timestamp.ts';
import type { ReportRecord } from '../report/report.ts';

/** When a report was made. cloud-init's have no time zone and are UTC. */
export function reportTime({ timestamp = '' }: Pick<ReportRecord, 'timestamp'>): Date | undefined {
  return parseTimestamp(timestamp) ?? parseTimestamp(`${timestamp}Z`);
}
