import { accessSync, closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { MalformedPoolError } from '../errors.ts';
import { isPool } from './edit.ts';
import { RECORD_SIZE } from './limits.ts';
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
 * `IoError`, and `MalformedPoolError` for a file that is no pool.
 */
export function readPool(path: string, options: ReadOptions = {}): PoolRecord[] {
  return decodeRecords(readPoolBytes(path, options), options);
}

/** The same, as bytes. */
export function readPoolBytes(path: string, options: ReadOptions = {}): Uint8Array {
  const bytes = readFile(path, options);
  checkPool(path, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes.length);
  return bytes;
}

/** The same of a file that may be no pool. */
export function readFile(path: string, { mustExist = false }: ReadOptions = {}): Uint8Array {
  if (mustExist) {
    try {
      accessSync(path);
    } catch (thrown) {
      throw thrownBySystem('open', path, thrown);
    }
  }
  return openPool(path, { readOnly: true }).bytesSync();
}

/**
 * Throws `MalformedPoolError` for a file that is no pool, so that no change makes a pool of it. What can't be opened
 * is left to the change.
 */
export function checkPoolFile(path: string): void {
  const start = Buffer.alloc(RECORD_SIZE);
  let read: number;
  let size: number;
  try {
    if (!statSync(path).isFile()) return;
    const fd = openSync(path, 'r');
    try {
      read = readSync(fd, start, 0, RECORD_SIZE, 0);
      ({ size } = fstatSync(fd));
    } finally {
      closeSync(fd);
    }
  } catch {
    return;
  }
  checkPool(path, start.subarray(0, read), size);
}

/** Throws `MalformedPoolError` for bytes that are no pool's. */
export function checkPool(path: string, bytes: Buffer, size: number): void {
  if (isPool(bytes.subarray(0, RECORD_SIZE), size)) return;
  const message = `${path} is no pool: its ${size} bytes are not records of ${RECORD_SIZE}`;
  throw new MalformedPoolError('ERR_KVP_MALFORMED_POOL', message, { path });
}
