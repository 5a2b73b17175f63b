import { dirname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_POOL_PATH, poolFile } from '../pool/pool-path.ts';

/** Options of every command; they may stand before or after its name. */
export interface GlobalOptions {
  /** The pool's number. */
  pool: number;
  /** The folder of the pools. */
  dir: string;
  /** Whether keys and values may be as long as a record allows, not only as the host reads for sure. */
  unsafe?: boolean;
  /** Whether the command prints JSON. */
  json?: boolean;
  /** `false` for `--no-color`. */
  color: boolean;
  /** Whether the command says nothing but its result. */
  quiet?: boolean;
  /** Whether an error is printed with its stack. */
  debug?: boolean;
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
    .option('--dir <folder>', 'the folder of the pools', folderPath, dirname(DEFAULT_POOL_PATH))
    .option('--unsafe', 'allow keys of 511 and values of 2,047 bytes, which the host may not read')
    .option('--json', 'JSON instead of text')
    .option('--no-color', 'no colors; as NO_COLOR does')
    .option('-q, --quiet', 'nothing but the result')
    .option('--debug', 'print the stack of an error');
  refuseRepeats(program);
}

/** Makes it an error to give an option more than once, unless it takes a list. */
export function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    if (option.variadic || Array.isArray(option.defaultValue)) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) command.error(`option '${option.long}' is given more than once`);
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

/** The path of the pool of `--pool` and `--dir`, as it was given. */
export function poolPath({ dir, pool }: GlobalOptions): string {
  return poolFile(dir, pool);
}

/** The name of a pool: `guest`. */
export function poolName({ pool }: GlobalOptions): string {
  return POOL_NAMES[pool] as string;
}

/** Whether the user chose a pool by `--pool` or `--dir`. */
export function namesPool(command: Command): boolean {
  return isGiven(command, 'pool') || isGiven(command, 'dir');
}

/** Ends the command if one of these options was given, for which a path leaves nothing to choose. */
export function refuseBesidePath(command: Command, ...names: ('pool' | 'dir')[]): void {
  if (!names.some((name) => isGiven(command, name))) return;
  command.error(`a path and ${names.map((name) => `--${name}`).join(' or ')} exclude each other`);
}

function isGiven(command: Command, name: string): boolean {
  return command.getOptionValueSourceWithGlobals(name) === 'cli';
}

function folderPath(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}
