import type { Command } from 'commander';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';
import { addRecordsFile, type RecordsFile, readRecords, withoutRecordNumber } from '../records-file.ts';

/** `kvp append-multiple` adds records, all or none. */
export function appendMultiple(command: Command): void {
  addRecordsFile(command);
  addDryRun(command);
  examples(command, [
    ['kvp append-multiple --file records.txt', 'key=value lines'],
    ["printf 'a=1\\nb=2\\n' | kvp append-multiple", 'of the standard input'],
  ]).action(async () => {
    const options = command.optsWithGlobals<ChangeOptions & RecordsFile>();
    const records = await readRecords(command, options);
    if (records.length === 0 && options.dryRun !== true) return;
    await change(options, (store) => withoutRecordNumber(() => store.appendSync(records)));
  });
}
