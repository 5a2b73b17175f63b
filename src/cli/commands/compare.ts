import type { Command } from 'commander';
import { bootsOf, type InputBoot } from '../boots.ts';
import { POOL_FILE } from '../input.ts';
import { examples, explain } from '../examples.ts';
import { addHtmlOptions, checkHtmlOptions, printPage } from '../html-page.ts';
import { print, printJson } from '../output.ts';
import { comparisonDocument, comparisonText } from '../view/comparison.ts';
import { styleOf } from '../view/style.ts';

/** `kvp compare` says what differs between two boots. */
export function compare(command: Command): void {
  addHtmlOptions(command)
    .argument('<before>', `${POOL_FILE}; - is the standard input`)
    .argument('<after>', 'the pool of another boot')
    .action(async (...files: [before: string, after: string]) => {
      const options = checkHtmlOptions(command);
      const [before, after] = (await bootsOf(files.slice(0, 2), command)) as [InputBoot, InputBoot];
      if (options.html !== undefined) return printPage(after, options, before);
      if (options.json) return printJson(comparisonDocument(before, after));
      return print(comparisonText(before, after, styleOf(options)));
    });
  explain(
    command,
    `With --json the document has before and after (path, and summary as that of kvp show), difference (seconds that it
took longer), and spans: all with name, agent, depth, change (same, slower, faster, new or missing), difference,
result (failed or fixed, where that changed), and before and after with id, start, duration, result, state, reason.`,
  );
  examples(command, [
    ['kvp compare good bad', 'what is slower or fails in the second pool'],
    ['kvp compare good bad --html report.html', 'both on one time axis, as a page'],
    ['kvp compare --json good bad | jq .difference', 'by how many seconds'],
  ]);
}
