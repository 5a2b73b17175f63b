import { existsSync, readFileSync } from 'node:fs';

/** What stands for an id that can't be read. */
export const UNKNOWN_VM_ID = '00000000-0000-0000-0000-000000000000';

/**
 * This VM's id as the Azure host spells it, or `undefined` where it can't be read (not root, no Hyper-V).
 * On a generation 1 VM the firmware gives the first three groups byte-swapped (cloud-init
 * cloudinit/sources/helpers/azure.py, azure-init libazureinit).
 */
export function readVmId(root = '/'): string | undefined {
  let id: string;
  try {
    id = readFileSync(`${root}sys/class/dmi/id/product_uuid`, 'utf8').trim().toLowerCase();
  } catch {
    return undefined;
  }
  const isGeneration2 = existsSync(`${root}sys/firmware/efi`) || existsSync(`${root}dev/efi`);
  if (isGeneration2) return id;
  return id
    .split('-')
    .map((group, index) => (index < 3 ? (group.match(/../g) ?? []).reverse().join('') : group))
    .join('-');
}
