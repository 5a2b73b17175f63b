import { readOptions } from '../option.ts';
import { DryRunStore } from './dry-run-store.ts';
import { FallbackStore } from './fallback/fallback-store.ts';
import { chooseBackend } from './binding.ts';
import { NativeStore } from './native/native-store.ts';
import { type NumberedPool, poolPath } from './pool-path.ts';
import { PoolStore } from './pool-store.ts';
import { STORE_OPTIONS, type StoreOptions } from './store-options.ts';

export type { NumberedPool } from './pool-path.ts';

/**
 * Gives access to the records of a pool, for reading and changing them. The file is opened by each
 * operation, not here. Throws `OptionError`, and `BindingError` if the native core is demanded and can't be
 * loaded.
 *
 * @example
 * ```ts
 * const pool = openPool({ pool: 1 });
 * await pool.set('Role', 'web');
 * console.log(await pool.get('Role'));
 * pool.close();
 * ```
 */
export function openPool(location: string | NumberedPool, given?: StoreOptions): PoolStore {
  const path = poolPath(location);
  const options = readOptions(STORE_OPTIONS, given);
  const backend = chooseBackend({ quiet: options.readOnly === true });
  const store = backend === 'native' ? new NativeStore(path) : new FallbackStore(path);
  return new PoolStore(path, options.dryRun === true ? new DryRunStore(path, store) : store, options);
}
