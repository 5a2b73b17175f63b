import type { Command } from 'commander';
import type { Defect } from '../../pool/edit.ts';
import { openPool } from '../../pool/open-pool.ts';
import { readPool } from '../../pool/read-pool.ts';
import { printDefects } from '../defects.ts';
import { examples } from '../examples.ts';
import { type GlobalOptions, namesPool, poolPath } from '../global-options.ts';

/** `kvp inspect` lists the defects of a pool. */
export function inspect(command: Command): void {
  command.argument('[FILE]', 'a pool, instead of --pool and --dir');
  examples(command, [
    ['kvp inspect', 'what is wrong with the records of this VM'],
    ['kvp inspect /mnt/var/lib/hyperv/.kvp_pool_1', 'of a disk image'],
  ]).action(async (file: string | undefined) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    if (file !== undefined && namesPool(command)) {
      command.error('a path and --pool or --dir exclude each other');
    }
    const path = file ?? poolPath(options);
    readPool(path, { mustExist: file !== undefined });
    const defects: Defect[] = openPool(path, { readOnly: true }).inspectSync();
    return printDefects(defects, path, options);
  });
}
