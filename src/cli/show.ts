import type { Command } from 'commander';
import { readDiagnosticsSync } from '../diagnostics/read/read-diagnostics.ts';
import { timeline } from '../diagnostics/timeline/timeline.ts';
import { renderTree } from '../format/render-tree.ts';
import { poolPath } from '../pool/open-pool.ts';
import { readPool } from '../pool/read-pool.ts';
import type { GlobalOptions } from './global-options.ts';
import { printError, isTerminal, print } from './output.ts';

/** Adds `kvp show`, which prints a pool's spans and events as a tree. */
export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description('print the spans and events of a pool as a tree')
    .argument('[path]', 'a pool, or a copy of one, instead of --pool and --dir')
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      if (options.json) command.error("option '--json' does not go with show");
      if (given !== undefined && ['pool', 'dir'].some((name) => isGiven(command, name))) {
        command.error('a path and --pool or --dir exclude each other');
      }
      const path = given ?? poolPath(options);
      // A pool may not exist yet, and then is empty; a file that the user names must exist.
      const content = readDiagnosticsSync(readPool(path, { raw: true, mustExist: given !== undefined }));
      const color = isTerminal() && !process.env['NO_COLOR'];
      const tree = renderTree(timeline(content.diagnostics), { color });
      await print(tree === '' ? '' : `${tree}\n`);
      if (content.diagnostics.length === 0) printError(`no diagnostics in ${path}`);
      for (const { reason, message, records } of content.problems) {
        printError(`${reason} in ${recordsText(records)} of ${path}: ${message}`);
      }
    });
}

function isGiven(command: Command, name: string): boolean {
  return command.getOptionValueSourceWithGlobals(name) === 'cli';
}

/** How many numbers of records a message lists. */
const LISTED_MAX = 8;

/** `record 3`; `records 3, 4`. */
function recordsText(records: number[]): string {
  const numbers = records.slice(0, LISTED_MAX).join(', ');
  const more = records.length > LISTED_MAX ? ` and ${records.length - LISTED_MAX} more` : '';
  return `record${records.length === 1 ? '' : 's'} ${numbers}${more}`;
}
