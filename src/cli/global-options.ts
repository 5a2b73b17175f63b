import { dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_POOL_PATH } from '../pool/open-pool.ts';

/** Options of every command; they may stand before or after its name. */
export interface GlobalOptions {
  /** The pool's number. */
  pool: number;
  /** The folder of the pools. */
  dir: string;
  /** Whether the command prints JSON. */
  json?: boolean;
}

/** Names of the pools, in the order of their numbers. */
const POOL_NAMES = ['external', 'guest', 'auto', 'auto-external', 'auto-internal'];

/** Adds the options of every command. One that is given twice is an error. */
export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('--pool <pool>', `${POOL_NAMES.join(', ')}, or 0 to 4`)
        .argParser(poolNumber)
        .default(1, 'guest'),
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
  const number = POOL_NAMES.includes(text)
    ? POOL_NAMES.indexOf(text)
    : /^[0-4]$/.test(text)
      ? Number(text)
      : -1;
  if (number < 0) throw new InvalidArgumentError(`It must be ${POOL_NAMES.join(', ')}, or 0 to 4.`);
  return number;
}
