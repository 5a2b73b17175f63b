import type { Attempt } from '../attempt.ts';
import { type Binding, fromNative, nativeCore } from '../binding.ts';
import type { Defect } from '../edit.ts';
import { call, type Op } from '../op.ts';
import type { PoolRecord } from '../record.ts';
import type { Contents, PoolFields, StoreBackend } from '../store-backend.ts';
import { allocated } from '../system-error.ts';

type Reply = Binding.StoreReply | null;

/** Access to a pool's file by the native core. */
export class NativeStore implements StoreBackend {
  readonly #path: string;
  readonly #store: Binding.Store;

  constructor(path: string) {
    this.#path = path;
    this.#store = nativeCore().openStore(path);
  }

  append(records: readonly PoolRecord[]): Op<Attempt<void>> {
    const [store, text] = [this.#store, this.#joined(records)];
    return attempt(
      nothing,
      () => store.append(text),
      () => store.appendAsync(text),
    );
  }

  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>> {
    const [store, text] = [this.#store, this.#joined([record])];
    return attempt(
      nothing,
      () => store.set(text, maxKeys),
      () => store.setAsync(text, maxKeys),
    );
  }

  delete(keys: readonly string[]): Op<Attempt<number>> {
    const store = this.#store;
    const text = keys.map((key) => `${key}\0`).join('');
    return attempt(
      ({ count = 0 }) => count,
      () => store.delete(text),
      () => store.deleteAsync(text),
    );
  }

  load(records: readonly PoolRecord[]): Op<Attempt<void>> {
    const [store, text] = [this.#store, this.#joined(records)];
    return attempt(
      nothing,
      () => store.load(text),
      () => store.loadAsync(text),
    );
  }

  clear(staleBefore?: number): Op<Attempt<boolean>> {
    const store = this.#store;
    return attempt(
      ({ count = 0 }) => count > 0,
      () => store.clear(staleBefore),
      () => store.clearAsync(staleBefore),
    );
  }

  repair(): Op<Attempt<Defect[]>> {
    const store = this.#store;
    return attempt(
      ({ defects = [] }) => defects,
      () => store.repair(),
      () => store.repairAsync(),
    );
  }

  read(lenient: boolean): Op<Attempt<Contents>> {
    const store = this.#store;
    return attempt(
      ({ state, bytes }) => bytes ?? (state as 'missing' | 'irregular'),
      () => store.read(lenient, false),
      () => store.readAsync(lenient, false),
    );
  }

  readFields(lenient: boolean): Op<Attempt<Contents | PoolFields>> {
    const store = this.#store;
    return attempt(
      ({ state, bytes, ends, alike, size }) =>
        bytes === undefined || ends === undefined || size === undefined
          ? (bytes ?? (state as 'missing' | 'irregular'))
          : { bytes, ends, alike, size },
      () => store.read(lenient, true),
      () => store.readAsync(lenient, true),
    );
  }

  close(): void {
    this.#store.close();
  }

  /** Many texts cross the border as one, in one piece: neither keys nor values have a NUL. */
  #joined(records: readonly PoolRecord[]): string {
    const texts: string[] = [];
    for (const { key, value } of records) texts.push(key, value);
    texts.push('');
    const bytes = () => texts.reduce((sum, text) => sum + text.length + 1, 0);
    return allocated(this.#path, 'the records', bytes, () => texts.join('\0'));
  }
}

/** One attempt; no reply says that it was done and found nothing. */
function* attempt<R>(
  found: (reply: Binding.StoreReply) => R,
  sync: () => Reply,
  async: () => Promise<Reply>,
): Op<Attempt<R>> {
  const reply = yield* call(sync, async);
  if (reply === null) return { done: found(DONE) };
  if (reply.problem !== undefined) throw fromNative(reply.problem);
  const { state } = reply;
  return state === 'busy' || state === 'unsettled' ? state : { done: found(reply) };
}

const DONE: Binding.StoreReply = { state: 'done' };

function nothing(): void {}
