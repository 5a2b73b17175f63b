import { messageOf } from '../../errors.ts';
import { type NumberedPool, openPool } from '../../pool/open-pool.ts';
import type { PoolRecord } from '../../pool/record.ts';
import { PoolStore } from '../../pool/pool-store.ts';
import { AzureInitCollector } from './azure-init-reader.ts';
import { CloudInitCollector } from './cloud-init-reader.ts';
import { DiagCollector } from './diag-reader.ts';
import {
  type Collector,
  type Diagnostic,
  malformed,
  firstRecord,
  type RecordProblem,
  type ParseFailure,
  type Parsed,
} from '../diagnostic.ts';
import { Decoder } from '../encoding.ts';
import { BytesView, type PoolView, RecordsView } from './pool-view.ts';
import { readReport, REPORT_KEY, type ReportRecord } from '../report/report.ts';

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

/** A pool's path or number, the pool, its bytes, or records of it. */
export type PoolSource = string | NumberedPool | PoolStore | Uint8Array | Iterable<PoolRecord>;

/**
 * Reads what a pool says: the diagnostics contract, azure-init's older layout, cloud-init's events and
 * provisioning reports, side by side. Content never makes it throw: what can't be interpreted is among the
 * `problems`. A missing file says nothing; one that can't be read throws `IoError`.
 */
export function readDiagnosticsSync(source: PoolSource): PoolContent {
  const found = storeOrView(source);
  return interpret(found instanceof PoolStore ? new BytesView(found.bytesSync()) : found);
}

/** The same without blocking on the file. */
export async function readDiagnostics(source: PoolSource): Promise<PoolContent> {
  const found = storeOrView(source);
  return interpret(found instanceof PoolStore ? new BytesView(await found.bytes()) : found);
}

function storeOrView(source: PoolSource): PoolStore | PoolView {
  if (source instanceof PoolStore) return source;
  if (source instanceof Uint8Array) return new BytesView(source);
  return isIterable(source) ? new RecordsView(source) : openPool(source, { readOnly: true });
}

function isIterable(source: string | NumberedPool | Iterable<PoolRecord>): source is Iterable<PoolRecord> {
  return typeof source === 'object' && source !== null && Symbol.iterator in source;
}

function interpret(view: PoolView): PoolContent {
  const content: PoolContent = { diagnostics: [], reports: [], unknown: [], problems: [] };
  const decoder = new Decoder();
  const collectors: Collector[] = [
    new DiagCollector(view, decoder),
    new CloudInitCollector(view, decoder),
    new AzureInitCollector(view),
  ];
  const refuse = (records: number[], refusal: ParseFailure): void => {
    content.problems.push({ ...refusal, records, raw: records.map((index) => view.record(index)) });
  };
  for (let index = 0; index < view.length; index++) {
    const key = view.key(index);
    if (key === REPORT_KEY) {
      try {
        content.reports.push(readReport(view.text(index), index));
      } catch (error) {
        refuse([index], malformed(messageOf(error)));
      }
    } else if (!collectors.some((collector) => collector.take(key, index))) {
      content.unknown.push({ key, value: view.text(index), record: index });
    }
  }
  for (const collector of collectors) {
    for (const { records, told } of collector.finish()) {
      if ('reason' in told) refuse(records, told);
      else content.diagnostics.push(withRecords(told, records));
    }
  }
  content.diagnostics.sort(byPlace);
  content.problems.sort(byPlace);
  return content;
}

function withRecords(told: Parsed, records: number[]): Diagnostic {
  const diagnostic = told as Diagnostic;
  diagnostic.records = records;
  return diagnostic;
}

function byPlace(one: { records: number[] }, other: { records: number[] }): number {
  return firstRecord(one) - firstRecord(other);
}
