import { withLists } from '../../option.ts';
import { artifactSize } from '../../format/item-text.ts';
import { byRecord, type Diagnostic } from '../diagnostic.ts';
import type { PoolContent } from '../read/read-diagnostics.ts';
import { CONTENT } from './last-boot.ts';
import { reportTime } from './report-time.ts';

/** A file that lies in a pool. */
export interface StoredFile {
  /** What its writer calls it, which may be anything: it is no path to write to. */
  readonly name: string;
  /**
   * `artifact`: written by `diagnostics(pool).artifact`; `text`: a line that may be one, or an event's message; `log`:
   * compressed by cloud-init; `traceback`: of a provisioning report.
   */
  readonly kind: 'artifact' | 'text' | 'log' | 'traceback';
  /** Who wrote it, if that is known. */
  readonly agent?: string;
  /** When it was written, if that is known. */
  readonly time?: Date;
  readonly bytes: Uint8Array;
  /** The numbers of its records in the pool, ascending, from 0. */
  readonly records: readonly number[];
}

/** The name of a file ends in one of these, not that of an observation. */
const EXTENSION = /\.[a-z][\w-]{0,9}$/i;

/**
 * The files that lie in a pool, in the order of their first records.
 *
 * @example
 * ```ts
 * for (const { name } of storedFiles(await readDiagnostics('pool'))) console.log(name);
 * ```
 */
export function storedFiles(content: PoolContent): StoredFile[] {
  const { diagnostics, reports } = withLists('content', content, CONTENT, 'diagnostics', 'reports');
  const files: StoredFile[] = [];
  for (const diagnostic of diagnostics) {
    const kind = kindOf(diagnostic);
    if (kind === undefined) continue;
    const { name, agent, time, text, records } = diagnostic;
    files.push({ name, kind, agent, time, bytes: diagnostic.bytes ?? Buffer.from(text), records });
  }
  for (const report of reports) {
    const { traceback_base64: packed, agent, records } = report;
    if (packed === undefined) continue;
    const time = reportTime(report);
    files.push({
      name: 'traceback.txt',
      kind: 'traceback',
      ...(agent !== undefined && { agent }),
      ...(time !== undefined && { time }),
      bytes: Buffer.from(packed, 'base64'),
      records,
    });
  }
  return files.sort(byRecord);
}

function kindOf(diagnostic: Diagnostic): StoredFile['kind'] | undefined {
  const { format, kind, level, name, message = '', text, fields, bytes } = diagnostic;
  if (kind !== 'event') return undefined;
  if (format === 'cloud-init') return fields['type'] === 'compressed' ? 'log' : undefined;
  if (format !== 'diag' || level !== undefined) return undefined;
  if (bytes !== undefined) return 'artifact';
  // A file of JSON may look like the payload of an event with fields.
  if (message !== text) return name.toLowerCase().endsWith('.json') ? 'artifact' : undefined;
  if (EXTENSION.test(name) || artifactSize(diagnostic) !== undefined) return 'artifact';
  return text === '' ? undefined : 'text';
}
