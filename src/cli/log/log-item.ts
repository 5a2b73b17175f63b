import { type Diagnostic, firstRecord } from '../../diagnostics/diagnostic.ts';
import type { PoolContent } from '../../diagnostics/read/read-diagnostics.ts';
import type { ReportRecord } from '../../diagnostics/report/report.ts';
import { reportTime } from '../../diagnostics/summary/report-time.ts';
import { type Verbosity, verbosityOf } from '../../tracing/level.ts';

/** What a pool says in one or more of its records: a line of the log. */
export interface LogItem {
  /** The pool's path, as given. */
  file: string;
  said: Diagnostic | ReportRecord;
  /** When it happened or ended; absent if a report does not say it. */
  time?: Date;
  agent: string;
  /** The level as a number, 1 (ERROR) to 5 (TRACE): what is recorded, else by the result. */
  verbosity: Verbosity;
  /** Whether it says that a span or the provisioning failed. */
  isFailure: boolean;
}

const [ERROR, WARN, INFO] = [1, 2, 3] as const;

/** Whether it is a start, a finish or an event, not a report. */
export function isDiagnostic(said: Diagnostic | ReportRecord): said is Diagnostic {
  return 'kind' in said && 'format' in said && typeof said.fields === 'object';
}

/** What a pool says, in the order of its records. */
export function itemsOf({ diagnostics, reports }: PoolContent, file: string): LogItem[] {
  const items: LogItem[] = diagnostics.map((said) => diagnosticItem(said, file));
  if (reports.length === 0) return items;
  items.push(...reports.map((said) => reportItem(said, file)));
  return items.sort((one, other) => firstRecord(one.said) - firstRecord(other.said));
}

export function diagnosticItem(said: Diagnostic, file: string): LogItem {
  const { time, end = time, agent, level, result, fields } = said;
  const isFailure = result === 'fail';
  const otherwise = isFailure ? ERROR : fields['result'] === 'WARN' ? WARN : INFO;
  return { file, said, time: end, agent, verbosity: verbosityOf(level) || otherwise, isFailure };
}

export function reportItem(said: ReportRecord, file: string): LogItem {
  const time = reportTime(said);
  const isFailure = said.result === 'error';
  return {
    file,
    said,
    ...(time && { time }),
    agent: said.agent ?? '',
    verbosity: isFailure ? ERROR : INFO,
    isFailure,
  };
}

/** Merges the logs of several pools by time. Each stays in its order, which a clock that was set back does not change. */
export function merged(logs: readonly LogItem[][]): LogItem[] {
  if (logs.length === 1) return logs[0] as LogItem[];
  const moments = new Map<LogItem, number>();
  for (const log of logs) {
    let latest = -Infinity;
    for (const item of log) {
      latest = Math.max(latest, item.time?.getTime() ?? latest);
      moments.set(item, latest);
    }
  }
  const momentOf = (item: LogItem): number => moments.get(item) as number;
  // The difference of two infinities is no number.
  return logs
    .flat()
    .sort((one, other) => (momentOf(one) === momentOf(other) ? 0 : momentOf(one) - momentOf(other)));
}
