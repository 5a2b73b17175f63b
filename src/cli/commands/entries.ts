import type { Command } from 'commander';
import { readPool } from '../../pool/read-pool.ts';
import { printableJson } from '../../printable.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolPath } from '../global-options.ts';
import { print } from '../output.ts';
import { printRecords } from '../print-records.ts';

/** `kvp entries` prints each key of a pool with its last value. */
export function entries(command: Command): void {
  explain(command, 'With --json the document has the value of each key.');
  examples(command, [
    ['kvp entries', 'each key with its last value'],
    ["kvp entries --json | jq -r '.PROVISIONING_REPORT'", 'one of them, by jq'],
  ]).action(async () => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const last = new Map(readPool(poolPath(options)).map((record) => [record.key, record]));
    const records = [...last.values()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    // An object would put keys that are numbers first.
    if (options.json) {
      const members = records.map(({ key, value }) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
      return print(`${printableJson(`{${members.join(',')}}`)}\n`);
    }
    return printRecords(records);
  });
}
