import type { Command } from 'commander';
import { readPool } from '../../pool/read-pool.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolPath } from '../global-options.ts';
import { printJson } from '../output.ts';
import { printRecords } from '../print-records.ts';

/** `kvp dump` prints a pool's records. */
export function dump(command: Command): void {
  explain(command, 'With --json the document is a list of records with key and value.');
  examples(command, [
    ['kvp dump', 'the records of this VM'],
    ['kvp dump --json > pool.json', 'for kvp load, with all texts as they are'],
    ['kvp dump --dir /mnt/var/lib/hyperv', 'of a disk image'],
  ]).action(async () => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const records = readPool(poolPath(options));
    return options.json ? printJson(records) : printRecords(records);
  });
}
