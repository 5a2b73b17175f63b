import type { Command } from 'commander';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';

/** `kvp clear` empties the pool. */
export function clear(command: Command): void {
  command.option('--if-stale', 'only if it was last changed before this boot');
  addDryRun(command);
  examples(command, [
    ['kvp clear --if-stale', 'at the start of a boot'],
    ['kvp clear --dry-run', 'say what would be removed'],
  ]).action(async () => {
    const options = command.optsWithGlobals<ChangeOptions & { ifStale?: boolean }>();
    const act = options.ifStale === true ? 'clearIfStaleSync' : 'clearSync';
    await change(options, (store) => store[act]());
  });
}
