import type { Command } from 'commander';
import { RECORD_SIZE } from '../../pool/limits.ts';
import { openPool } from '../../pool/open-pool.ts';
import { readPoolBytes } from '../../pool/read-pool.ts';
import { examples, explain } from '../examples.ts';
import { type GlobalOptions, poolName, poolPath } from '../global-options.ts';
import { escapedOnTerminal, isTerminal, print, printJson } from '../output.ts';
import { infoLines, type PoolInfo, sorted } from '../pool-info.ts';

/** `kvp info` prints what is known of a pool. */
export function info(command: Command): void {
  command.option(
    '--all',
    'also unique keys, who wrote, defects, the backend and the budget, as on a terminal',
  );
  explain(
    command,
    `With --json the document has pool, path, mode (safe or unsafe), records, empty, stale, max_key_size and max_value_size;
with --all also unique_keys, max_records, backend, defects, as kvp inspect has them, and writers: agent, format, vm_id,
records.`,
  );
  examples(command, [
    ['kvp info', 'the pool of this VM'],
    ['kvp info --all --json', 'everything, for a program'],
    ['kvp --pool external info', 'what the host wrote'],
  ]).action(async () => {
    const options = command.optsWithGlobals<GlobalOptions & { all?: boolean }>();
    const path = poolPath(options);
    const bytes = readPoolBytes(path);
    const found = infoOf(options, path, bytes);
    if (options.all === true || (isTerminal() && !options.json)) {
      const { printAll } = await import('../pool-details.ts');
      return printAll(found, bytes, options);
    }
    return options.json ? printJson(sorted(found)) : print(infoLines(found, await escapedOnTerminal()));
  });
}

function infoOf(options: GlobalOptions, path: string, bytes: Uint8Array): PoolInfo {
  const records = Math.floor(bytes.length / RECORD_SIZE);
  const isUnsafe = options.unsafe === true;
  return {
    pool: poolName(options),
    path,
    mode: isUnsafe ? 'unsafe' : 'safe',
    records,
    empty: records === 0,
    stale: openPool(path, { readOnly: true }).isStaleSync(),
    // As azure-init's tool prints them; with --unsafe the last byte belongs to the NUL.
    max_key_size: isUnsafe ? 512 : 254,
    max_value_size: isUnsafe ? 2048 : 1022,
  };
}
