import type { Command } from 'commander';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';

/** `kvp write` sets the value of a key, or appends a record. */
export function write(command: Command): void {
  command
    .argument('<KEY>', 'the key, up to 254 bytes (--unsafe: 511)')
    .argument('<VALUE>', 'the value, up to 1,022 bytes (--unsafe: 2,047)')
    .option('--append', 'add a record and keep those that have the key');
  addDryRun(command);
  examples(command, [
    ['kvp write Role web', 'replace all records of the key'],
    ['kvp write --append Log "step 2"', 'add one more record'],
    ['kvp write -- Offset -5', 'a value that starts with -'],
  ]).action(async (key: string, value: string) => {
    const options = command.optsWithGlobals<ChangeOptions & { append?: boolean }>();
    await change(options, (store) => {
      if (options.append === true) store.appendSync(key, value);
      else store.setSync(key, value);
    });
  });
}
