import type { PoolContent } from '../diagnostics/read/read-diagnostics.ts';
import { writersOf } from '../diagnostics/summary/writers.ts';

/** How many records of a pool a program wrote, in one format, for one VM. */
export interface PoolWriterCount {
  /** `null` where records don't tell. */
  readonly agent: string | null;
  /** A format of diagnostics; `report`, `unreadable` or `other`. */
  readonly format: string;
  readonly vm_id: string | null;
  readonly records: number;
}

/** Who wrote a pool's records, most first. */
export function poolWriters({ diagnostics, reports, unknown, problems }: PoolContent): PoolWriterCount[] {
  const counts = new Map<string, PoolWriterCount>();
  const add = (
    agent: string | undefined,
    format: string,
    vmId: string | undefined,
    records: number,
  ): void => {
    const writer = { agent: agent || null, format, vm_id: vmId || null };
    const key = JSON.stringify(writer);
    counts.set(key, { ...writer, records: records + (counts.get(key)?.records ?? 0) });
  };
  for (const { agent, format, vmId, records } of writersOf(diagnostics)) add(agent, format, vmId, records);
  for (const { agent, vm_id, records } of reports) add(agent, 'report', vm_id, records.length);
  for (const { reason, raw } of problems) {
    // A torn tail is no record.
    if (reason !== 'torn_tail') add(undefined, 'unreadable', undefined, raw.length);
  }
  add(undefined, 'other', undefined, unknown.length);
  return [...counts.values()].filter(({ records }) => records > 0).sort((a, b) => b.records - a.records);
}
