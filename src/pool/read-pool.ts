import { accessSync } from 'node:fs';
import { openPool } from './open-pool.ts';
import type { PoolRecord } from './record.ts';
import type { RecordsOptions } from './store-options.ts';
import { thrownBySystem } from './system-error.ts';

interface ReadOptions extends RecordsOptions {
  /** Throw if there is no such file, instead of returning no records. Default `false`. */
  mustExist?: boolean;
}

/**
 * Reads the records of a pool's file, or of a pipe to its end. Follows links and creates nothing. Throws
 * `IoError`.
 */
export function readPool(path: string, { mustExist = false, ...options }: ReadOptions = {}): PoolRecord[] {
  if (mustExist) {
    try {
      accessSync(path);
    } catch (thrown) {
      throw thrownBySystem('open', path, thrown);
    }
  }
  return [...openPool(path, { readOnly: true }).recordsSync(options)];
}
