import type { Command } from 'commander';
import { addDryRun, type ChangeOptions, openForChange } from '../change.ts';
import { printDefects } from '../defects.ts';
import { examples } from '../examples.ts';
import { printNote } from '../output.ts';

/** `kvp repair` mends the defects of a pool and lists them. */
export function repair(command: Command): void {
  addDryRun(
    command,
    `With --json the document is a list of the defects, as kvp inspect has them: record, reason, field, and action, which
is what repairing does to the record.`,
  );
  examples(command, [
    ['kvp repair --dry-run', 'say what would be done'],
    ['kvp repair', 'mend what keeps the host from reading on'],
  ]).action(async () => {
    const options = command.optsWithGlobals<ChangeOptions>();
    const store = openForChange(options);
    const repairs = store.repairSync();
    await printDefects(repairs, store.path, options);
    if (options.dryRun && repairs.length > 0) printNote('nothing was changed', options);
  });
}
