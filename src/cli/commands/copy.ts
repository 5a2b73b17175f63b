import type { Command } from 'commander';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples, explain } from '../examples.ts';
import { poolPath } from '../global-options.ts';
import { POOL_FILE, readInput } from '../input.ts';
import { print, printJson } from '../output.ts';
import { isSameFile } from '../../pool/same-file.ts';

/** `kvp copy` appends the records of another pool, all or none. */
export function copy(command: Command): void {
  command.argument('<FILE>', `${POOL_FILE}; - is the standard input`);
  explain(command, 'With --json the document has copied, the number of records.');
  addDryRun(command);
  examples(command, [
    ['kvp copy /mnt/var/lib/hyperv/.kvp_pool_1', 'the records of a disk image, behind those of this VM'],
    ['ssh vm kvp dump --json | kvp --dir /tmp/vm copy -', 'the records of another VM'],
    ['kvp --dir /tmp/vm copy items.xml', 'what a Hyper-V host shows of a VM, as a pool'],
    ['kvp copy --dry-run old.kvp_pool', 'say what would be added'],
  ]).action(async (file: string) => {
    const options = command.optsWithGlobals<ChangeOptions>();
    if (isSameFile(file, poolPath(options))) command.error(`${file} is the pool itself`);
    const { records, damage } = await readInput(file);
    if (damage !== undefined) command.error(damage);
    const copied = await change(options, (store) => {
      if (records.length > 0) store.appendSync(records);
      return records.length;
    });
    if (copied === undefined) return;
    return options.json ? printJson({ copied }) : print(`${copied}\n`);
  });
}
