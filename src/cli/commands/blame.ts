import type { Command } from 'commander';
import { addFilesArgument, bootsOf } from '../boots.ts';
import { examples, explain } from '../examples.ts';
import type { GlobalOptions } from '../global-options.ts';
import { print, printJson } from '../output.ts';
import { blameDocument, blameText } from '../view/blame.ts';
import { styleOf } from '../view/style.ts';

/** `kvp blame` lists the spans by the time that was their own. */
export function blame(command: Command): void {
  addFilesArgument(command).action(async (files: string[]) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const shown = await bootsOf(files, command);
    return options.json ? printJson(blameDocument(shown)) : print(blameText(shown, styleOf(options)));
  });
  explain(
    command,
    `With --json the document is a list of spans with name, path (the names from its root to it), agent, id, start, own
and total (seconds), result and state. The spans of several pools are one list.`,
  );
  examples(command, [
    ['kvp blame', 'what took the time on this VM'],
    ['kvp blame pool | head', 'the ten slowest steps of a pool'],
  ]);
}
