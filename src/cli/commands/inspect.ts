import type { Command } from 'commander';
import { printDefects } from '../defects.ts';
import { examples, explain } from '../examples.ts';
import type { GlobalOptions } from '../global-options.ts';
import { type Input, inputsOf, POOL_FILE } from '../input.ts';

/** `kvp inspect` lists the defects of a pool. */
export function inspect(command: Command): void {
  command.argument('[FILE]', `${POOL_FILE}; - is the standard input; instead of --pool and --dir`);
  explain(
    command,
    `With --json the document is a list of defects with record (the number of the record, from 0), reason (torn_tail,
invalid_utf8, missing_nul, empty_key) and field (key or value, where it is one's).`,
  );
  examples(command, [
    ['kvp inspect', 'what is wrong with the records of this VM'],
    ['kvp inspect /mnt/var/lib/hyperv/.kvp_pool_1', 'of a disk image'],
  ]).action(async (file: string | undefined) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const [input] = (await inputsOf(file === undefined ? [] : [file], command)) as [Input];
    return printDefects(input.defects, input.path, options);
  });
}
