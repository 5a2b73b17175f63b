import type { Command } from 'commander';
import { escapeInvisible } from '../../format/value-text.ts';
import { poolPath } from '../../pool/open-pool.ts';
import { readPool } from '../../pool/read-pool.ts';
import { printableJson } from '../../printable.ts';
import type { GlobalOptions } from '../global-options.ts';
import { isAtTerminal, print } from '../output.ts';

/** `kvp dump` prints a pool's records. */
export function dump(command: Command): void {
  command.action(async () => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const records = readPool(poolPath(options));
    if (options.json) return print(`${printableJson(JSON.stringify(records))}\n`);
    // A script gets texts as they are; a terminal would execute the control sequences in them, also behind `grep`.
    const shown = isAtTerminal() ? escapeInvisible : (text: string): string => text;
    return print(records.map(({ key, value }) => `${shown(key)}=${shown(value)}\n`).join(''));
  });
}
