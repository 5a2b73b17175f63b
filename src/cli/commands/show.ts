import type { Command } from 'commander';
import { addFilesArgument, bootsOf } from '../boots.ts';
import { examples } from '../examples.ts';
import type { GlobalOptions } from '../global-options.ts';
import { print } from '../output.ts';
import { documentOf } from '../view/document.ts';
import { pictureOf } from '../view/picture.ts';
import { styleOf } from '../view/style.ts';

/** `kvp show` prints how a boot went, and its spans and events as a tree beside bars on a time axis. */
export function show(command: Command): void {
  addFilesArgument(command).action(async (files: string[]) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const shown = await bootsOf(files, command);
    return print(options.json ? documentOf(shown) : pictureOf(shown, styleOf(options)));
  });
  command.addHelpText(
    'after',
    `
With --json the document has path, summary (what summarize() of the package returns: outcome, reason,
report, firstFailure, seconds, bootTime, writers, slowest, earlier, defects and more), start, end, gaps, events
outside of spans, and roots: spans with name, agent, id, start, end, duration, own (seconds that were its own),
critical, state, result, reason, sources, level, fields, events, children. Several pools are a list, pools.`,
  );
  examples(command, [
    ['kvp show', 'how provisioning went on this VM'],
    ['kvp show pool', 'the same of a pool that was copied from a VM'],
    ['kvp show --dir /mnt/var/lib/hyperv', "of a VM's disk"],
    ['kvp show items.xml', 'what a Hyper-V host shows of a VM, exported by PowerShell'],
    ['kvp show before after', 'two pools on one time axis'],
    ['kvp show --json | jq .summary.reason', 'why it failed, for a script'],
  ]);
}
