import { dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_POOL_PATH } from '../pool/open-pool.ts';

/** What may stand before or after every command. */
export interface GlobalOptions {
  /** The pool's number. */
  pool: number;
  /** The folder of the pools. */
  dir: string;
  json?: boolean;
}

const POOLS = ['external', 'guest', 'auto', 'auto-external', 'auto-internal'];

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('--pool <pool>', `${POOLS.join(', ')}, or 0 to 4`).argParser(poolNumber).default(1, 'guest'),
    )
    .option('--dir <folder>', 'the folder of the pools', dirname(DEFAULT_POOL_PATH))
    .option('--json', 'JSON instead of text');
  for (const name of ['pool', 'dir', 'json']) {
    let isGiven = false;
    program.on(`option:${name}`, () => {
      if (isGiven) program.error(`option '--${name}' is given more than once`);
      isGiven = true;
    });
  }
}

function poolNumber(text: string): number {
  const number = POOLS.includes(text) ? POOLS.indexOf(text) : /^[0-4]$/.test(text) ? Number(text) : -1;
  if (number < 0) throw new InvalidArgumentError(`It must be ${POOLS.join(', ')}, or 0 to 4.`);
  return number;
}
