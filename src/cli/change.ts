import type { Command } from 'commander';
import { openPool } from '../pool/open-pool.ts';
import type { PoolStore } from '../pool/pool-store.ts';
import { readPool } from '../pool/read-pool.ts';
import type { PoolRecord } from '../pool/record.ts';
import type { StoreOptions } from '../pool/store-options.ts';
import { counted } from './counted.ts';
import { explain } from './examples.ts';
import { type GlobalOptions, poolPath } from './global-options.ts';
import { escapedOnTerminal, print, printJson } from './output.ts';
import { recordLine } from './record-text.ts';

/** Options of a command that changes the pool. */
export interface ChangeOptions extends GlobalOptions {
  dryRun?: boolean;
}

/** What `change` prints with `--dry-run` and `--json`. */
const CHANGES =
  'With --dry-run and --json the document has path, records (how many there would be), and removed and added, which are\nlists of records with key and value.';

/** Adds `--dry-run`, which `change` reads. `json` says what the command prints with `--json`. */
export function addDryRun(command: Command, json = CHANGES): Command {
  command.option('--dry-run', 'say what would change, and change nothing');
  return explain(command, json);
}

/**
 * Has `act` change the pool of `--pool` and `--dir`, and returns what it returns. With `--dry-run` nothing is changed:
 * it prints what would be, and returns `undefined`.
 */
export async function change<R>(
  options: ChangeOptions,
  act: (store: PoolStore) => R,
  storeOptions: StoreOptions = {},
): Promise<R | undefined> {
  const store = openForChange(options, storeOptions);
  if (options.dryRun !== true) return act(store);
  const before = readPool(store.path);
  act(store);
  await printDifference(options, store.path, before, store.dumpSync());
  return undefined;
}

/** Opens the pool of `--pool` and `--dir` for a change. */
export function openForChange(options: ChangeOptions, storeOptions: StoreOptions = {}): PoolStore {
  const path = poolPath(options);
  const { unsafe = false, dryRun = false } = options;
  return openPool(path, { limits: unsafe ? 'wire' : 'safe', dryRun, ...storeOptions });
}

async function printDifference(
  options: GlobalOptions,
  path: string,
  before: readonly PoolRecord[],
  after: readonly PoolRecord[],
): Promise<void> {
  const removed = without(before, after);
  const added = without(after, before);
  if (options.json) return printJson({ path, records: after.length, removed, added });
  const shown = await escapedOnTerminal();
  const list = (sign: string, records: readonly PoolRecord[]): string =>
    records.map((record) => `${sign} ${recordLine(record, shown)}`).join('');
  return print(
    `${summary(shown(path), removed, added, before, after)}\n${list('-', removed)}${list('+', added)}`,
  );
}

function summary(
  path: string,
  removed: readonly PoolRecord[],
  added: readonly PoolRecord[],
  before: readonly PoolRecord[],
  after: readonly PoolRecord[],
): string {
  if (removed.length + added.length > 0) {
    const counts = [`remove ${counted(removed.length, 'record')}`, `add ${counted(added.length, 'record')}`];
    const does = counts.filter((_, index) => [removed, added][index]?.length !== 0).join(' and ');
    return `would ${does}; ${path} would have ${counted(after.length, 'record')}`;
  }
  const isSame = after.every((record, index) => textOf(record) === textOf(before[index] as PoolRecord));
  return isSame ? `would change nothing in ${path}` : `would change the order of the records in ${path}`;
}

/** The records of `some` that `others` lack; each counts as often as it is there. */
function without(some: readonly PoolRecord[], others: readonly PoolRecord[]): PoolRecord[] {
  const counts = new Map<string, number>();
  for (const other of others) counts.set(textOf(other), (counts.get(textOf(other)) ?? 0) + 1);
  return some.filter((record) => {
    const text = textOf(record);
    const left = counts.get(text) ?? 0;
    if (left > 0) counts.set(text, left - 1);
    return left === 0;
  });
}

function textOf({ key, value }: PoolRecord): string {
  return `${key}\0${value}`;
}
