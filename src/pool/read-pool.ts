import { accessSync } from 'node:fs';
import { checkIsPool } from './is-pool.ts';
import { openPool } from './open-pool.ts';
import { decodeRecords, type PoolRecord } from './record.ts';
import type { RecordsOptions } from './store-options.ts';
import { thrownBySystem } from './system-error.ts';

interface ReadOptions extends RecordsOptions {
  /** Throw if there is no such file, instead of returning no records. Default `false`. */
  mustExist?: boolean;
}

/**
 * Reads the records of a pool's file, or of a pipe to its end. Follows links and creates nothing. Throws
 * `IoError`, and `NotAPoolFileError` for a file that is no pool.
 */
export function readPool(path: string, options: ReadOptions = {}): PoolRecord[] {
  return decodeRecords(readPoolBytes(path, options), options);
}

/** The same, as bytes. */
export function readPoolBytes(path: string, options: ReadOptions = {}): Buffer {
  const bytes = readFileBytes(path, options);
  checkIsPool(bytes, path);
  return bytes;
}

/** The same of a file that may be no pool. */
export function readFileBytes(path: string, { mustExist = false }: ReadOptions = {}): Buffer {
  if (mustExist) {
    try {
      accessSync(path);
    } catch (thrown) {
      throw thrownBySystem('open', path, thrown);
    }
  }
  const { buffer, byteOffset, byteLength } = openPool(path, { readOnly: true }).bytesSync();
  return Buffer.from(buffer, byteOffset, byteLength);
}
