import type { Command } from 'commander';
import { printDefects } from '../defects.ts';
import { examples } from '../examples.ts';
import type { GlobalOptions } from '../global-options.ts';
import { type Input, inputsOf, POOL_FILE } from '../input.ts';

/** `kvp inspect` lists the defects of a pool. */
export function inspect(command: Command): void {
  command.argument('[FILE]', `${POOL_FILE}; - is the standard input; instead of --pool and --dir`);
  examples(command, [
    ['kvp inspect', 'what is wrong with the records of this VM'],
    ['kvp inspect /mnt/var/lib/hyperv/.kvp_pool_1', 'of a disk image'],
  ]).action(async (file: string | undefined) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const [input] = (await inputsOf(file === undefined ? [] : [file], command)) as [Input];
    return printDefects(input.defects, input.path, options);
  });
}
