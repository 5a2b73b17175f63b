import type { Command } from 'commander';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';
import { addRecordsFile, type RecordsFile, readRecords, withoutRecordNumber } from '../records-file.ts';

/** `kvp load` replaces all records. */
export function load(command: Command): void {
  addRecordsFile(command);
  addDryRun(command);
  examples(command, [
    ['kvp load --file records.txt', 'key=value lines'],
    ['kvp dump --json | kvp --dir /tmp/copy load', 'a copy of the pool'],
    ['kvp load --dry-run < records.txt', 'say what would change'],
  ]).action(async () => {
    const options = command.optsWithGlobals<ChangeOptions & RecordsFile>();
    const records = await readRecords(command, options);
    await change(options, (store) => withoutRecordNumber(() => store.loadSync(records)));
  });
}
