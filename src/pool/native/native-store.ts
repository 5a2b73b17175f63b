import type { Attempt } from '../attempt.ts';
import { type Binding, fromNative, nativeCore } from '../binding.ts';
import type { Defect } from '../edit.ts';
import { call, type Op } from '../op.ts';
import type { PoolRecord } from '../record.ts';
import type { Contents, StoreBackend } from '../store-backend.ts';

/** A pool's file in the native core. */
export class NativeStore implements StoreBackend {
  readonly #store: Binding.Store;

  constructor(path: string) {
    this.#store = nativeCore().openStore(path);
  }

  append(records: readonly PoolRecord[]): Op<Attempt<void>> {
    return this.#attempt(nothing, 'append', joined(records));
  }

  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>> {
    return this.#attempt(nothing, 'set', joined([record]), maxKeys);
  }

  delete(keys: readonly string[]): Op<Attempt<number>> {
    const text = keys.map((key) => `${key}\0`).join('');
    return this.#attempt(({ count = 0 }) => count, 'delete', text);
  }

  load(records: readonly PoolRecord[]): Op<Attempt<void>> {
    return this.#attempt(nothing, 'load', joined(records));
  }

  clear(staleBefore?: number): Op<Attempt<boolean>> {
    return this.#attempt(({ count = 0 }) => count > 0, 'clear', '', staleBefore);
  }

  repair(): Op<Attempt<Defect[]>> {
    return this.#attempt(({ defects = [] }) => defects as Defect[], 'repair', '');
  }

  read(lenient: boolean): Op<Attempt<Contents>> {
    return this.#attempt(
      ({ state, bytes }) => bytes ?? (state as Contents),
      'read',
      '',
      lenient ? 1 : undefined,
    );
  }

  close(): void {
    this.#store.close();
  }

  *#attempt<R>(
    found: (reply: Binding.StoreReply) => R,
    ...job: Parameters<Binding.Store['attempt']>
  ): Op<Attempt<R>> {
    const store = this.#store;
    const reply = yield* call(
      () => store.attempt(...job),
      () => store.attemptAsync(...job),
    );
    if (reply === null) return { done: found(DONE) };
    if (reply.problem !== undefined) throw fromNative(reply.problem);
    const { state } = reply;
    return state === 'busy' || state === 'unsettled' ? state : { done: found(reply) };
  }
}

const DONE: Binding.StoreReply = { state: 'done' };

function nothing(): void {}

/** Many texts cross the border as one, in one piece: neither keys nor values have a NUL. */
function joined(records: readonly PoolRecord[]): string {
  const texts: string[] = [];
  for (const { key, value } of records) texts.push(key, value);
  texts.push('');
  return texts.join('\0');
}
