import type { Command } from 'commander';
import { readPool } from '../../pool/read-pool.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolPath } from '../global-options.ts';
import { escapedOnTerminal, print, printJson } from '../output.ts';

/** `kvp read` prints the last value of a key; 1 is the exit code if there is none. */
export function read(command: Command): void {
  command.argument('<KEY>', 'the key of the record');
  explain(command, 'With --json the document has key and value.');
  examples(command, [
    ['kvp read PROVISIONING_REPORT', 'the provisioning report'],
    ['kvp --pool 3 read HostName', 'the name of the host'],
  ]).action(async (key: string) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const found = readPool(poolPath(options)).findLast((record) => record.key === key);
    if (found === undefined || key === '') {
      process.exitCode = 1;
      return;
    }
    const { value } = found;
    if (options.json) return printJson({ key, value });
    const shown = await escapedOnTerminal();
    return print(`${value.split('\n').map(shown).join('\n')}\n`);
  });
}
