import fs, { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { Attempt } from './attempt.ts';
import { append, applied, type Defect, type Edit, remove, repair, replace, set } from './edit.ts';
import { call, type Op } from './op.ts';
import { encodeRecords, type PoolRecord } from './record.ts';
import type { Contents, PoolFields, StoreBackend } from './store-backend.ts';
import { isNotFound } from './errno.ts';
import { isOlder, PoolFile, statOf } from './sys.ts';
import { poolFull, thrownBySystem } from './system-error.ts';

/** Makes the changes of a pool in memory. Another backend reads the file, which stays as it is. */
export class DryRunStore implements StoreBackend {
  readonly #path: string;
  readonly #store: StoreBackend;
  /** What the file would have after the changes; `undefined` before the first one. */
  #changed: Buffer | undefined;

  constructor(path: string, store: StoreBackend) {
    this.#path = path;
    this.#store = store;
  }

  append(records: readonly PoolRecord[]): Op<Attempt<void>> {
    const bytes = encodeRecords(records);
    return this.#change('create', (pool) => ({ edit: append(pool, bytes), result: undefined }));
  }

  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>> {
    return this.#change('create', (pool) => {
      const edit = set(pool, encodeRecords([record]), maxKeys);
      if (typeof edit === 'number') throw poolFull(this.#path, edit, maxKeys);
      return { edit, result: undefined };
    });
  }

  load(records: readonly PoolRecord[]): Op<Attempt<void>> {
    return this.#change('create', () => ({ edit: replace(encodeRecords(records)), result: undefined }));
  }

  delete(keys: readonly string[]): Op<Attempt<number>> {
    return this.#change({ done: 0 }, (pool) => remove(pool, keys));
  }

  repair(): Op<Attempt<Defect[]>> {
    return this.#change({ done: [] }, repair);
  }

  *clear(staleBefore?: number): Op<Attempt<boolean>> {
    if (staleBefore !== undefined && !(yield* this.#isOlder(staleBefore))) return { done: false };
    if (this.#changed === undefined) {
      const found = yield* this.#find(false);
      if (found !== 'pool') return found === 'missing' ? { done: false } : found;
    }
    this.#changed = Buffer.alloc(0);
    return { done: true };
  }

  *read(lenient: boolean): Op<Attempt<Contents>> {
    return this.#changed === undefined ? yield* this.#store.read(lenient) : { done: this.#changed };
  }

  readFields(lenient: boolean): Op<Attempt<Contents | PoolFields>> {
    return this.#changed === undefined ? this.#store.readFields(lenient) : this.read(lenient);
  }

  close(): void {
    this.#store.close();
  }

  /** Whether the file was last changed before then; after a change in memory it would be new. */
  *#isOlder(seconds: number): Op<boolean> {
    if (this.#changed !== undefined) return false;
    const stat = yield* statOf(this.#path, false);
    return stat !== undefined && isOlder(stat, seconds);
  }

  /** Applies the edit that `change` makes of the bytes, as `FallbackStore` does to the file. */
  *#change<R>(
    missing: { done: R } | 'create',
    change: (pool: Buffer) => { edit: Edit; result: R },
  ): Op<Attempt<R>> {
    let pool = this.#changed;
    if (pool === undefined) {
      const found = yield* this.#find(missing === 'create');
      if (found === 'busy') return found;
      if (found === 'missing' && missing !== 'create') return missing;
      const read = yield* this.#store.read(false);
      if (typeof read !== 'object') return read;
      pool = Buffer.isBuffer(read.done) ? read.done : Buffer.alloc(0);
    }
    const { edit, result } = change(pool);
    this.#changed = applied(pool, edit);
    return { done: result };
  }

  /** Looks at the file. Throws what a change would: if it is no pool, or can't be opened or, where that is needed, created. */
  *#find(creates: boolean): Op<'pool' | 'missing' | 'busy'> {
    try {
      const { file, stat } = yield* PoolFile.open(this.#path, 'edit');
      try {
        return (yield* file.checkShape(0, stat.size)) ? 'pool' : 'busy';
      } finally {
        yield* file.close();
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    if (!creates) return 'missing';
    const folder = dirname(this.#path);
    try {
      yield* call(
        () => accessSync(folder, constants.W_OK),
        () => fs.promises.access(folder, constants.W_OK),
      );
    } catch (thrown) {
      throw thrownBySystem('open', this.#path, thrown);
    }
    return 'missing';
  }
}
