import { isUint8Array } from 'node:util/types';
import { messageOf } from '../../errors.ts';
import { type NumberedPool, openPool } from '../../pool/open-pool.ts';
import { PoolStore } from '../../pool/pool-store.ts';
import type { PoolRecord } from '../../pool/record.ts';
import type { PoolFields } from '../../pool/store-backend.ts';
import { Allowance } from '../allowance.ts';
import { byRecord, type Diagnostic, type RecordProblem } from '../diagnostic.ts';
import { Decoder } from '../encoding.ts';
import { type DiagnosticFormat, FORMATS } from '../formats/format-table.ts';
import { readReport, REPORT_KEY, type ReportRecord } from '../report/report.ts';
import { malformed, type Parsed, type ParseFailure } from '../collector.ts';
import { type PoolExport, readExport } from './pool-export.ts';
import { BytesView, FieldsView, type PoolView, RecordsView } from '../pool-view.ts';

/** What a pool says. */
export interface PoolContent {
  /** In the order of their first records. */
  diagnostics: Diagnostic[];
  /** Provisioning reports, in the order of the pool. */
  reports: ReportRecord[];
  /** Records whose keys are of no known format, with their numbers in the pool. */
  unknown: { key: string; value: string; record: number }[];
  /** Records of a known format that can't be interpreted, in the order of their first records. */
  problems: RecordProblem[];
}

/** A pool's path or number, the pool, its bytes, or records of it. A file and bytes may be a text that `readExport` reads. */
export type PoolSource = string | NumberedPool | PoolStore | Uint8Array | Iterable<PoolRecord>;

/**
 * Reads what a pool says, or a text that stands for one: azure-init's diagnostics contract, azure-init's older layout, cloud-init's events and
 * provisioning reports, side by side. No content makes it throw: what can't be interpreted is among the
 * `problems`. A missing file reads as an empty pool; a file that can't be read throws `IoError`.
 *
 * @example
 * ```ts
 * const { reports } = readDiagnosticsSync({ pool: 1 });
 * ```
 */
export function readDiagnosticsSync(source: PoolSource): PoolContent {
  const found = storeOrView(source);
  return interpret(found instanceof PoolStore ? viewOf(found.fieldsSync()) : found);
}

/**
 * The same without blocking on the file.
 *
 * @example
 * ```ts
 * const { diagnostics, problems } = await readDiagnostics('pool');
 * for (const { time, name, message } of diagnostics) console.log(time, name, message);
 * ```
 */
export async function readDiagnostics(source: PoolSource): Promise<PoolContent> {
  const found = storeOrView(source);
  return interpret(found instanceof PoolStore ? viewOf(await found.fields()) : found);
}

function storeOrView(source: PoolSource): PoolStore | PoolView {
  if (source instanceof PoolStore) return source;
  if (source instanceof Uint8Array) return viewOf(source);
  return isIterable(source) ? new RecordsView(source) : openPool(source, { readOnly: true });
}

/** The records of a pool's fields or bytes, or of a text that stands for a pool. */
function viewOf(source: PoolFields | Uint8Array): PoolView {
  if (!isUint8Array(source)) return new FieldsView(source);
  const exported = readExport(source);
  return exported === undefined ? new BytesView(source) : viewOfExport(exported);
}

/** The records of an export. */
export function viewOfExport({ records, damage }: PoolExport): PoolView {
  return new RecordsView(records, damage);
}

function isIterable(source: string | NumberedPool | Iterable<PoolRecord>): source is Iterable<PoolRecord> {
  return typeof source === 'object' && source !== null && Symbol.iterator in source;
}

/** What records say. */
export function interpret(view: PoolView): PoolContent {
  const content: PoolContent = { diagnostics: [], reports: [], unknown: [], problems: [] };
  const decoder = new Decoder(new Allowance(view.size));
  const collectors = FORMATS.map(({ name, read }) => ({
    format: name,
    collector: read.collector(view, decoder),
  }));
  const refuse = (records: number[], failure: ParseFailure): void => {
    content.problems.push({ ...failure, records, raw: records.map((index) => view.record(index)) });
  };
  for (let index = 0; index < view.length; index++) {
    const key = view.key(index);
    if (key === REPORT_KEY) {
      try {
        content.reports.push(readReport(view.text(index), index));
      } catch (error) {
        refuse([index], malformed(messageOf(error)));
      }
    } else if (!collectors.some(({ collector }) => collector.take(key, index))) {
      content.unknown.push({ key, value: view.text(index), record: index });
    }
  }
  if (view.damage !== undefined) content.problems.push({ ...view.damage, records: [view.length] });
  for (const { format, collector } of collectors) {
    collector.finish((records, parsed) => {
      if ('kind' in parsed) content.diagnostics.push(diagnosticOf(parsed, format, records));
      else refuse(records, parsed);
    });
  }
  content.diagnostics.sort(byRecord);
  content.problems.sort(byRecord);
  return content;
}

/** Completes an object that nobody else has, because copying it would take longer. */
function diagnosticOf(parsed: Parsed, format: DiagnosticFormat, records: number[]): Diagnostic {
  const diagnostic = parsed as Diagnostic;
  diagnostic.format = format;
  diagnostic.records = records;
  return diagnostic;
}
