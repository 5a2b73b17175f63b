import type { Command } from 'commander';
import { addFilesArgument, bootsOf, type InputBoot } from '../boots.ts';
import { examples, explain } from '../examples.ts';
import { addHtmlOptions, checkHtmlOptions, printPage } from '../html-page.ts';
import { print } from '../output.ts';
import { documentOf } from '../view/document.ts';
import { pictureOf } from '../view/picture.ts';
import { styleOf } from '../view/style.ts';

/** `kvp show` prints how a boot went, and its spans and events as a tree beside bars on a time axis. */
export function show(command: Command): void {
  addHtmlOptions(addFilesArgument(command)).action(async (files: string[]) => {
    const options = checkHtmlOptions(command);
    if (options.html !== undefined && files.length > 1) {
      command.error('--html shows one pool; kvp compare BEFORE AFTER --html FILE shows two');
    }
    const shown = await bootsOf(files, command);
    if (options.html !== undefined) return printPage(shown[0] as InputBoot, options);
    return print(options.json ? documentOf(shown) : pictureOf(shown, styleOf(options)));
  });
  explain(
    command,
    `With --json the document has path, summary (what summarize() of the package returns: outcome, reason,
report, firstFailure, seconds, bootTime, writers, slowest, earlier, defects and more), start, end, gaps, events
outside of spans, and roots: spans with name, agent, id, start, end, duration, own (seconds that were its own),
critical, state, result, reason, sources, level, message, fields, events, children. Several pools are a list, pools.`,
  );
  examples(command, [
    ['kvp show', 'how provisioning went on this VM'],
    ['kvp show pool', 'the same of a pool that was copied from a VM'],
    ['kvp show --dir /mnt/var/lib/hyperv', "of a VM's disk"],
    ['kvp show items.xml', 'what a Hyper-V host shows of a VM, exported by PowerShell'],
    ['kvp show before after', 'two pools on one time axis'],
    ['kvp show --html report.html', 'one file to open, mail and keep: answer, waterfall, tables, records'],
    ['kvp show --json | jq .summary.reason', 'why it failed, for a script'],
  ]);
}
