import type { Command } from 'commander';
import { openPool } from '../../pool/open-pool.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolPath } from '../global-options.ts';
import { print, printJson } from '../output.ts';

/** `kvp is-stale` prints whether the pool was last changed before this boot; 1 is the exit code if not. */
export function isStale(command: Command): void {
  explain(command, 'With --json the document has stale.');
  examples(command, [
    ['kvp is-stale', 'prints true or false'],
    ['if kvp is-stale; then …; fi', 'in a script: 1 is the exit code if it is not'],
  ]).action(async () => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const stale = openPool(poolPath(options), { readOnly: true }).isStaleSync();
    if (!stale) process.exitCode = 1;
    return options.json ? printJson({ stale }) : print(`${stale}\n`);
  });
}
