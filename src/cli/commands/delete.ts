import type { Command } from 'commander';
import { KEY_SIZE } from '../../pool/limits.ts';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples, explain } from '../examples.ts';
import { print, printJson } from '../output.ts';

/** `kvp delete` removes the records of a key and prints whether there were any. */
export function deleteKey(command: Command): void {
  command.argument('<KEY>', 'the key of the records');
  explain(command, 'With --json the document has removed: true or false.');
  addDryRun(command);
  examples(command, [
    ['kvp delete Role', 'prints true, or false if there is none'],
    ['kvp delete --dry-run Role', 'say what would be removed'],
  ]).action((key: string) => remove(command, [key], (count) => count > 0));
}

/** `kvp delete-multiple` removes the records of several keys and prints their number. */
export function deleteMultiple(command: Command): void {
  command.argument('<KEY...>', 'the keys of the records');
  explain(command, 'With --json the document has removed, the number of records.');
  addDryRun(command);
  examples(command, [
    ['kvp delete-multiple Role Zone', 'prints how many records it removed'],
    ['kvp delete-multiple --dry-run Role Zone', 'say what would be removed'],
  ]).action((keys: string[]) => remove(command, keys, (count) => count));
}

async function remove(
  command: Command,
  keys: readonly string[],
  say: (count: number) => boolean | number,
): Promise<void> {
  const options = command.optsWithGlobals<ChangeOptions>();
  // That no record can have such a key is no error.
  const possible = keys.filter((key) => key !== '' && Buffer.byteLength(key) < KEY_SIZE);
  const count = await change(options, (store) => store.deleteSync(possible));
  if (count === undefined) return;
  const removed = say(count);
  return options.json ? printJson({ removed }) : print(`${removed}\n`);
}
