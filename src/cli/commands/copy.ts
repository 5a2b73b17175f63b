import { poolPath } from '../global-options.ts';
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { checkIsPool } from '../../pool/is-pool.ts';
import { readFileBytes } from '../../pool/read-pool.ts';
import { decodeRecords, type PoolRecord } from '../../pool/record.ts';
import { addDryRun, change, type ChangeOptions } from '../change.ts';
import { examples } from '../examples.ts';
import { print, printJson } from '../output.ts';
import { decodeText, isJsonDump, parseRecords, RecordTextError } from '../record-text.ts';
import { readStdin, STDIN } from '../stdin.ts';

/** `kvp copy` appends the records of another pool, all or none. */
export function copy(command: Command): void {
  command.argument('<FILE>', 'a pool, or what dump --json prints; - is the standard input');
  addDryRun(command);
  examples(command, [
    ['kvp copy /mnt/var/lib/hyperv/.kvp_pool_1', 'the records of a disk image, behind those of this VM'],
    ['ssh vm kvp dump --json | kvp --dir /tmp/vm copy -', 'the records of another VM'],
    ['kvp copy --dry-run old.kvp_pool', 'say what would be added'],
  ]).action(async (file: string) => {
    const options = command.optsWithGlobals<ChangeOptions>();
    if (isSameFile(file, poolPath(options))) command.error(`${file} is the pool itself`);
    const records = await recordsOf(command, file);
    const copied = await change(options, (store) => {
      if (records.length > 0) store.appendSync(records);
      return records.length;
    });
    if (copied === undefined) return;
    return options.json ? printJson({ copied }) : print(`${copied}\n`);
  });
}

async function recordsOf(command: Command, file: string): Promise<PoolRecord[]> {
  const isStdin = file === '-';
  const bytes = isStdin ? await readStdin() : readFileBytes(file, { mustExist: true });
  const name = isStdin ? STDIN : file;
  if (!isJsonDump(bytes.toString('utf8', 0, 100))) {
    checkIsPool(bytes, name);
    return decodeRecords(bytes);
  }
  try {
    return parseRecords(decodeText(name, bytes));
  } catch (error) {
    if (error instanceof RecordTextError) command.error(error.message);
    throw error;
  }
}

function isSameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
