import { existsSync, readFileSync } from 'node:fs';
import { IoError, messageOf } from '../errors.ts';
import { type Checks, functionOption, readOptions } from '../option.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';

/** The id if it can't be read. */
const UNKNOWN = '00000000-0000-0000-0000-000000000000';

interface VmIdOptions {
  /** Called with why the id can't be read. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

const OPTIONS: Checks<VmIdOptions> = { onProblem: functionOption };

/**
 * The id of this VM, as the Azure host spells it. If it can't be read (not root, no Hyper-V), returns zeros
 * and calls `onProblem`, which prints a line on stderr by default. On a generation 1 VM the firmware gives
 * the first three groups byte-swapped (cloud-init cloudinit/sources/helpers/azure.py, azure-init
 * libazureinit).
 *
 * @example
 * ```ts
 * const id = vmId({ onProblem: () => {} }); // no line where there is no VM
 * ```
 */
export function vmId(options?: VmIdOptions): string {
  const { onProblem } = readOptions(OPTIONS, options);
  try {
    return readVmId();
  } catch (cause) {
    const path = '/sys/class/dmi/id/product_uuid';
    const why = `the id of this VM can not be read, zeros stand for it: ${messageOf(cause)}`;
    const message = `${why}. On a VM run as root, or set vmId; anywhere else nothing is wrong`;
    guardedHandler(onProblem)(new IoError('ERR_KVP_IO', message, { syscall: 'read', path, cause }));
    return UNKNOWN;
  }
}

/** The id of the VM whose `/sys` is below `root`. Throws if it can't be read. */
export function readVmId(root = '/'): string {
  const id = readFileSync(`${root}sys/class/dmi/id/product_uuid`, 'utf8').trim().toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw new Error(`${JSON.stringify(id)} is no UUID`);
  const isGeneration2 = existsSync(`${root}sys/firmware/efi`) || existsSync(`${root}dev/efi`);
  return isGeneration2 ? id : swapped(id);
}

/** The id with the bytes of its first three groups in reverse, as the firmware of a generation 1 VM gives it. */
function swapped(id: string): string {
  return id
    .split('-')
    .map((group, index) => (index < 3 ? (group.match(/../g) ?? []).reverse().join('') : group))
    .join('-');
}

/** Whether an id says which VM it is. */
export function isVmIdKnown(id: string | undefined): id is string {
  return id !== undefined && id !== '' && id !== UNKNOWN;
}

/** Whether both are ids, and of two VMs. Some programs write the firmware's spelling. */
export function areOfTwoVms(one: string, other: string): boolean {
  const [id, otherId] = [one.toLowerCase(), other.toLowerCase()];
  if (!isVmIdKnown(id) || !isVmIdKnown(otherId)) return false;
  return id !== otherId && swapped(id) !== otherId;
}
