import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { IoError, messageOf } from '../errors.ts';
import { KEY_SIZE, RECORD_SIZE } from './limits.ts';
import { systemError } from './system-error.ts';

/** A record of a pool as text; what is no UTF-8 is U+FFFD. */
export interface PoolRecord {
  key: string;
  value: string;
  /** Both as bytes, where asked for: a payload may be split in the middle of a character. */
  raw?: { key: Uint8Array; value: Uint8Array };
}

export interface ReadOptions {
  /** Keep the bytes too. Default `false`. */
  raw?: boolean;
  /** Fail when there is no such file, instead of reading no records. Default `false`. */
  mustExist?: boolean;
}

/** The records in the bytes of a pool, each field up to its first NUL; a partial one at the end is ignored. */
export function recordsOf(bytes: Uint8Array, { raw = false }: Pick<ReadOptions, 'raw'> = {}): PoolRecord[] {
  const pool = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: PoolRecord[] = [];
  for (let start = 0; start + RECORD_SIZE <= pool.length; start += RECORD_SIZE) {
    const key = untilNul(pool.subarray(start, start + KEY_SIZE));
    const value = untilNul(pool.subarray(start + KEY_SIZE, start + RECORD_SIZE));
    const record: PoolRecord = { key: key.toString('utf8'), value: value.toString('utf8') };
    if (raw) record.raw = { key, value };
    records.push(record);
  }
  return records;
}

function untilNul(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** Reads a pool's file, or a pipe to its end; follows links, creates nothing, takes no lock. Throws `IoError`. */
export function readPool(path: string, options: ReadOptions = {}): PoolRecord[] {
  try {
    return recordsOf(readFileSync(path), options);
  } catch (thrown) {
    return emptyOrThrow(path, options, thrown);
  }
}

/** The same without blocking. */
export async function readPoolAsync(path: string, options: ReadOptions = {}): Promise<PoolRecord[]> {
  try {
    return recordsOf(await readFile(path), options);
  } catch (thrown) {
    return emptyOrThrow(path, options, thrown);
  }
}

function emptyOrThrow(path: string, { mustExist = false }: ReadOptions, thrown: unknown): PoolRecord[] {
  const { code, errno, syscall = 'read' } = thrown as NodeJS.ErrnoException;
  if (code === 'ENOENT' && !mustExist) return [];
  if (typeof errno === 'number') throw systemError(syscall, path, errno, thrown);
  const message = `cannot read ${path}: ${messageOf(thrown)}`;
  throw new IoError('ERR_KVP_IO', message, { syscall, path, cause: thrown });
}
