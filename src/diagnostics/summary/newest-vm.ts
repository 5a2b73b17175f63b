import type { PoolContent } from '../read/read-diagnostics.ts';
import { isVmIdKnown } from '../vm-id.ts';
import { reportTime } from './report-time.ts';

/**
 * The id of the VM that wrote last, by time: in the image that a VM was made of, other VMs wrote before it.
 * `undefined` if no id is recorded.
 */
export function newestVmId({ diagnostics, reports }: PoolContent): string | undefined {
  let newest: string | undefined;
  let last = -Infinity;
  const see = (id: string | undefined, time: Date | undefined): void => {
    const at = time?.getTime() ?? -Infinity;
    if (!isVmIdKnown(id) || (newest !== undefined && at < last)) return;
    newest = id;
    last = at;
  };
  for (const { vmId, time, end = time } of diagnostics) see(vmId, end);
  for (const report of reports) see(report.vm_id, reportTime(report));
  return newest;
}
