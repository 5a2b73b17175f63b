import type { Command } from 'commander';
import { addFilesArgument, bootsOf } from '../boots.ts';
import { examples } from '../examples.ts';
import type { GlobalOptions } from '../global-options.ts';
import { print, printJson } from '../output.ts';
import { chainDocument, chainText } from '../view/critical-chain.ts';
import { styleOf } from '../view/style.ts';

/** `kvp critical-chain` shows the spans that the end had to wait for. */
export function criticalChain(command: Command): void {
  addFilesArgument(command).action(async (files: string[]) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const shown = await bootsOf(files, command);
    return options.json ? printJson(chainDocument(shown)) : print(chainText(shown, styleOf(options)));
  });
  examples(command, [['kvp critical-chain', 'what must become faster for this VM to be ready sooner']]);
}
