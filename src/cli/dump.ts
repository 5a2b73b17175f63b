import type { Command } from 'commander';
import { escapeInvisible } from '../format/value-text.ts';
import { printableJson } from '../printable.ts';
import { poolPath } from '../pool/open-pool.ts';
import { readPool } from '../pool/read-pool.ts';
import type { GlobalOptions } from './global-options.ts';
import { isAtTerminal, print } from './output.ts';

/** Adds `kvp dump`, which prints a pool's records. */
export function addDumpCommand(program: Command): void {
  program
    .command('dump')
    .description('print every record in the order of the file')
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const records = readPool(poolPath(options));
      if (options.json) return print(`${printableJson(JSON.stringify(records))}\n`);
      // A script gets texts as they are; a terminal would execute the control sequences in them, also behind `grep`.
      const shown = isAtTerminal() ? escapeInvisible : (text: string): string => text;
      return print(records.map(({ key, value }) => `${shown(key)}=${shown(value)}\n`).join(''));
    });
}
