import { readDiagnosticsSync } from '../diagnostics/read/read-diagnostics.ts';
import { areOfTwoVms } from '../diagnostics/vm-id.ts';
import { staleBefore } from '../pool/boot-time.ts';
import { openPool } from '../pool/open-pool.ts';
import { RECORD_SIZE } from '../pool/limits.ts';
import type { PoolIdentity } from './pool-identity.ts';

const CUT: ReadonlySet<string> = new Set(['torn_tail', 'incomplete_group']);

/** Bytes of a pool that is read to say whose records fill it. */
const READ_MAX = 16 * 1024 * 1024;

/**
 * Whose records fill a pool, if others than this agent on this VM in this boot have some: `of the pool's 1024 records
 * 600 are of an earlier boot, 20 of other programs`. `undefined` if there are none, or if the pool can't be read.
 */
export function othersIn({ path, agent, vmId }: PoolIdentity): string | undefined {
  try {
    using store = openPool(path, { readOnly: true, lockTimeout: 0 });
    const total = store.size;
    if (total * RECORD_SIZE > READ_MAX) return undefined;
    const { diagnostics, reports, unknown, problems } = readDiagnosticsSync(store);
    const boot = (staleBefore() ?? 0) * 1000;
    const shares = { boot: 0, vm: 0, others: unknown.length };
    const ofVms = new Set<string>();
    for (const report of reports) if (report.agent !== agent) shares.others++;
    // What was cut may be of this program.
    for (const { reason, records } of problems) if (!CUT.has(reason)) shares.others += records.length;
    for (const found of diagnostics) {
      const count = found.records.length;
      if (areOfTwoVms(found.vmId, vmId)) {
        shares.vm += count;
        ofVms.add(found.vmId);
      } else if (found.time.getTime() < boot) shares.boot += count;
      else if (found.agent !== agent) shares.others += count;
    }
    const [vm] = ofVms;
    const texts: [count: number, whose: string][] = [
      [shares.boot, 'an earlier boot'],
      [shares.vm, ofVms.size === 1 ? `another VM (vm_id ${vm})` : 'other VMs'],
      [shares.others, 'other programs'],
    ];
    const told = texts.filter(([count]) => count > 0).map(([count, whose]) => `${count} of ${whose}`);
    return told.length === 0
      ? undefined
      : `of the pool's ${total} records ${told.join(', ').replace(' of', ' are of')}`;
  } catch {
    return undefined;
  }
}
