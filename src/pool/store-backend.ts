import type { Attempt } from './attempt.ts';
import type { Defect } from './edit.ts';
import type { Op } from './op.ts';
import type { PoolRecord } from './record.ts';

/** What a read found: the bytes of the file, none, or something that is no regular file. */
export type Contents = Buffer | 'missing' | 'irregular';

/**
 * A pool's file as the native core or the fallback handles it. Every operation is one attempt that never
 * waits for a lock. Records and keys were checked before. All throw `IoError` or `NotAPoolFileError`; what
 * changes the file throws `NoLockError` where there are no locks.
 */
export interface StoreBackend {
  append(records: readonly PoolRecord[]): Op<Attempt<void>>;
  /** Throws `PoolFullError`. */
  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>>;
  delete(keys: readonly string[]): Op<Attempt<number>>;
  load(records: readonly PoolRecord[]): Op<Attempt<void>>;
  /** Empties the file, or only if it was last changed before a second since 1970; says whether it did. */
  clear(staleBefore?: number): Op<Attempt<boolean>>;
  repair(): Op<Attempt<Defect[]>>;
  /** A lenient reader follows links, and reads without a lock where there is none. */
  read(lenient: boolean): Op<Attempt<Contents>>;
  /** Lets go of the file, when nothing is under way. */
  close(): void;
}
