import type { Command } from 'commander';
import { timeline } from '../../diagnostics/timeline/timeline.ts';
import { renderTree } from '../../format/render-tree.ts';
import type { GlobalOptions } from '../global-options.ts';
import { addFilesArgument, inputsOf } from '../input.ts';
import { hasColor, print, printError } from '../output.ts';

/** `kvp show` prints the spans and events of a pool as a tree. */
export function show(command: Command): void {
  addFilesArgument(command).action(async (files: string[]) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    if (options.json) command.error("option '--json' does not go with show");
    for (const { path, content } of inputsOf(files, command)) {
      const tree = renderTree(timeline(content.diagnostics), { color: hasColor(options) });
      await print(tree === '' ? '' : `${tree}\n`);
      if (content.diagnostics.length === 0) printError(`no diagnostics in ${path}`);
      for (const { reason, message, records } of content.problems) {
        printError(`${reason} in ${recordsText(records)} of ${path}: ${message}`);
      }
    }
  });
}

/** How many numbers of records a message lists. */
const LISTED_MAX = 8;

/** `record 3`; `records 3, 4`. */
function recordsText(records: number[]): string {
  const numbers = records.slice(0, LISTED_MAX).join(', ');
  const more = records.length > LISTED_MAX ? ` and ${records.length - LISTED_MAX} more` : '';
  return `record${records.length === 1 ? '' : 's'} ${numbers}${more}`;
}
