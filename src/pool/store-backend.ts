import type { Attempt } from './attempt.ts';
import type { Defect } from './edit.ts';
import type { Op } from './op.ts';
import type { PoolRecord } from './record.ts';

/** What a read found: the bytes of the file, no file, or something other than a regular file. */
export type Contents = Buffer | 'missing' | 'irregular';

/** What is in the fields of a pool's records, without what follows their first NULs. */
export interface PoolFields {
  /** The fields' texts, one behind the other: of each record its key and its value. */
  readonly bytes: Buffer;
  /** Where each of them ends. */
  readonly ends: Uint32Array;
  /** Of each whole record the first one whose key is the same up to its last `|`; absent where that is not known. */
  readonly alike: Uint32Array | undefined;
  /** How many bytes the pool has; the last record may be partial. */
  readonly size: number;
}

/**
 * Access to a pool's file, by the native core or the fallback. Every operation is one attempt, which never
 * waits for a lock; records and keys are valid. All operations throw `IoError` or `NotAPoolFileError`.
 * Those that change the file throw `NoLockError` where locks are not available.
 */
export interface StoreBackend {
  append(records: readonly PoolRecord[]): Op<Attempt<void>>;
  /** Throws `PoolFullError`. */
  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>>;
  delete(keys: readonly string[]): Op<Attempt<number>>;
  load(records: readonly PoolRecord[]): Op<Attempt<void>>;
  /**
   * Empties the file. With `staleBefore`, in seconds since 1970, only if it was last changed before then.
   * Returns whether it did.
   */
  clear(staleBefore?: number): Op<Attempt<boolean>>;
  repair(): Op<Attempt<Defect[]>>;
  /**
   * Reads the file. A `lenient` read follows links, and goes on without a lock where locks are not
   * available.
   */
  read(lenient: boolean): Op<Attempt<Contents>>;
  /** The same, but of a pool its fields, where that is faster. Of a file that may be no pool it reads the bytes. */
  readFields(lenient: boolean): Op<Attempt<Contents | PoolFields>>;
  /** Closes the file. No operation may be running. */
  close(): void;
}
