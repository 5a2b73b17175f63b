import type { Command } from 'commander';
import { addFilesArgument, bootsOf } from '../boots.ts';
import { examples, explain } from '../examples.ts';
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
  explain(
    command,
    `With --json the document has path and chain: spans with name, agent, id, depth, offset (seconds since the boot
began), start, duration, result, state and reason, and between them gaps, in which no span was open, with gap: true,
depth, offset, start and duration. Of several pools there is a list of such documents.`,
  );
  examples(command, [['kvp critical-chain', 'what must become faster for this VM to be ready sooner']]);
}
