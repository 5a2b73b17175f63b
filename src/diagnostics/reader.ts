import { readPool, readPoolAsync } from '../pool/reader.ts';
import { decodeRecords, type PoolRecord } from '../pool/record.ts';
import { DiagCollector } from './diag-reader.ts';
import type { Collector, Diagnostic, RecordProblem } from './diagnostic.ts';
import { readReport, REPORT_KEY, type ReportRecord } from './read-report.ts';

/** What a pool says. */
export interface PoolContent {
  /** In the order of their first records. */
  diagnostics: Diagnostic[];
  reports: ReportRecord[];
  /** Records with keys of no known format. */
  unknown: { key: string; value: string; record: number }[];
  /** Records of a known format that can't be interpreted. */
  problems: RecordProblem[];
}

/** A pool's path, its bytes, or records of it. */
export type PoolSource = string | Uint8Array | Iterable<PoolRecord>;

/**
 * Reads what a pool says. Content never makes it throw: what can't be interpreted is among the `problems`.
 * A missing file says nothing; one that can't be read throws `IoError`.
 */
export function readDiagnosticsSync(source: PoolSource): PoolContent {
  return interpret(typeof source === 'string' ? readPool(source, { raw: true }) : held(source));
}

/** The same without blocking on the file. */
export async function readDiagnostics(source: PoolSource): Promise<PoolContent> {
  return interpret(typeof source === 'string' ? await readPoolAsync(source, { raw: true }) : held(source));
}

function held(source: Uint8Array | Iterable<PoolRecord>): Iterable<PoolRecord> {
  return source instanceof Uint8Array ? decodeRecords(source, { raw: true }) : source;
}

function interpret(records: Iterable<PoolRecord>): PoolContent {
  const content: PoolContent = { diagnostics: [], reports: [], unknown: [], problems: [] };
  const collectors: Collector[] = [new DiagCollector()];
  let index = 0;
  for (const record of records) {
    if (record.key === REPORT_KEY) addReport(content, record, index);
    else if (!collectors.some((collector) => collector.take(record, index))) {
      content.unknown.push({ key: record.key, value: record.value, record: index });
    }
    index++;
  }
  for (const read of collectors.flatMap((collector) => collector.finish())) {
    if ('reason' in read) content.problems.push(read);
    else content.diagnostics.push(read);
  }
  content.diagnostics.sort(byFirstRecord);
  content.problems.sort(byFirstRecord);
  return content;
}

function addReport(content: PoolContent, record: PoolRecord, index: number): void {
  const report = readReport(record, index);
  if ('reason' in report) content.problems.push({ ...report, records: [index] });
  else content.reports.push(report);
}

function byFirstRecord(one: { records: number[] }, other: { records: number[] }): number {
  return (one.records[0] ?? 0) - (other.records[0] ?? 0);
}
