import { existsSync, readFileSync } from 'node:fs';
import { IoError, messageOf } from '../errors.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';

/** What stands for an id that can't be read. */
const UNKNOWN = '00000000-0000-0000-0000-000000000000';

/**
 * This VM's id as the Azure host spells it. Where it can't be read (not root, no Hyper-V) it is zeros, and
 * `onProblem` hears of it, by default a line on stderr. On a generation 1 VM the firmware gives the first
 * three groups byte-swapped (cloud-init cloudinit/sources/helpers/azure.py, azure-init libazureinit).
 */
export function vmId({ onProblem }: { onProblem?: ProblemHandler } = {}): string {
  try {
    return readVmId();
  } catch (cause) {
    const path = '/sys/class/dmi/id/product_uuid';
    const message = `the id of this VM can not be read, zeros stand for it: ${messageOf(cause)}`;
    guardedHandler(onProblem)(new IoError('ERR_KVP_IO', message, { syscall: 'read', path, cause }));
    return UNKNOWN;
  }
}

/** The same below another root; throws where it can't be read. */
export function readVmId(root = '/'): string {
  const id = readFileSync(`${root}sys/class/dmi/id/product_uuid`, 'utf8').trim().toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw new Error(`${JSON.stringify(id)} is no UUID`);
  const isGeneration2 = existsSync(`${root}sys/firmware/efi`) || existsSync(`${root}dev/efi`);
  if (isGeneration2) return id;
  return id
    .split('-')
    .map((group, index) => (index < 3 ? (group.match(/../g) ?? []).reverse().join('') : group))
    .join('-');
}
