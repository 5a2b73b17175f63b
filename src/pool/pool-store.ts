import type { Stats } from 'node:fs';
import { ClosedError, LockTimeoutError, ReadOnlyError } from '../errors.ts';
import { iterableOption, readOptions } from '../option.ts';
import type { Attempt } from './attempt.ts';
import { bootTime, staleBefore } from './boot-time.ts';
import { type Defect, inspect } from './edit.ts';
import { RECORD_SIZE } from './limits.ts';
import { type Op, pause, runAsync, runSync } from './op.ts';
import { checkKey, checkRecord, decodeRecords, entriesOf, type Limits, type PoolRecord } from './record.ts';
import { type Repair, repairsOf } from './repair.ts';
import {
  DEFAULT_MAX_RECORDS,
  RECORDS_OPTIONS,
  type RecordsOptions,
  type StoreOptions,
} from './store-options.ts';
import type { PoolFields, StoreBackend } from './store-backend.ts';
import { isIrregular, isOlder, PoolFile, statOf } from './sys.ts';
import { lockTimedOut, neverSettled } from './system-error.ts';
import { hasWritten } from './written-pools.ts';
import { uptimeMillis } from '../tracing/timers.ts';

type Appended = [key: string, value: string] | [records: Iterable<PoolRecord>];

const DEFAULTS = {
  limits: 'safe',
  lockTimeout: 1000,
  maxKeys: DEFAULT_MAX_RECORDS,
  readOnly: false,
  dryRun: false,
} as const;

/** The first pause between attempts and the longest one, in milliseconds. Each is twice the one before. */
const PAUSE_MIN = 0.1;
const PAUSE_MAX = 20;

/**
 * The records of a pool. Each operation takes the locks of the other programs that write to it. Every
 * operation has two forms, as in `node:fs`: one returns a promise and does not block the event loop,
 * `…Sync` blocks. Operations with promises run one after the other, in the order of the calls. All
 * operations throw `IoError`, `NotAPoolFileError`, `LockTimeoutError` and, after `close`, `ClosedError`.
 * Those that change the pool also throw `NoLockError`, and `MalformedPoolError` if the file keeps ending in
 * the middle of a record. On the fallback, `…Sync` times out if it is called while an operation with a
 * promise holds the lock.
 *
 * @example
 * ```ts
 * using pool = openPool('pool', { lockTimeout: 500 });
 * await pool.append([{ key: 'Step', value: '1' }]);
 * for (const { key, value } of await pool.dump()) console.log(key, value);
 * ```
 */
export class PoolStore implements Disposable {
  readonly path: string;
  readonly #backend: StoreBackend;
  readonly #limits: Limits;
  readonly #lockTimeout: number;
  readonly #maxKeys: number;
  readonly #readOnly: boolean;
  readonly #dryRun: boolean;
  #closed = false;
  #pending = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Use `openPool`, which checks the options. @internal */
  constructor(path: string, backend: StoreBackend, options: StoreOptions) {
    this.path = path;
    this.#backend = backend;
    const { limits = DEFAULTS.limits, lockTimeout = DEFAULTS.lockTimeout } = options;
    const { maxKeys = DEFAULTS.maxKeys, readOnly = DEFAULTS.readOnly } = options;
    const { dryRun = DEFAULTS.dryRun } = options;
    this.#limits = limits;
    this.#lockTimeout = lockTimeout;
    this.#maxKeys = maxKeys;
    this.#readOnly = readOnly;
    this.#dryRun = dryRun;
  }

  /**
   * Adds a record at the end, or several without others between them: all or none. Throws `EmptyKeyError`,
   * `KeyTooLongError`, `ValueTooLongError` or `NulError` before the file is opened.
   */
  append(key: string, value: string): Promise<void>;
  append(records: Iterable<PoolRecord>): Promise<void>;
  async append(...given: Appended): Promise<void> {
    return this.#later(this.#append(given));
  }
  appendSync(key: string, value: string): void;
  appendSync(records: Iterable<PoolRecord>): void;
  appendSync(...given: Appended): void {
    runSync(this.#append(given));
  }

  /**
   * Sets the value of a key: replaces the first record with this key and removes the others, or adds a
   * record at the end. Throws `PoolFullError` if the key would be one more than `maxKeys`, and the errors
   * of `append`.
   */
  async set(key: string, value: string): Promise<void> {
    return this.#later(this.#set({ key, value }));
  }
  setSync(key: string, value: string): void {
    runSync(this.#set({ key, value }));
  }

  /** The value of the last record with this key; `undefined` if there is none. */
  async get(key: string): Promise<string | undefined> {
    return this.#later(this.#get(key));
  }
  getSync(key: string): string | undefined {
    return runSync(this.#get(key));
  }

  /** Removes all records with one of the keys; returns their number. */
  async delete(keys: string | Iterable<string>): Promise<number> {
    return this.#later(this.#delete(keys));
  }
  deleteSync(keys: string | Iterable<string>): number {
    return runSync(this.#delete(keys));
  }

  /** The records in the order of the file. The whole file is read when the first record is asked for. */
  records(options?: RecordsOptions): AsyncIterable<PoolRecord> {
    const own = readOptions(RECORDS_OPTIONS, options);
    return this.#iterate(this.#read(), own);
  }
  recordsSync(options?: RecordsOptions): Iterable<PoolRecord> {
    return decodeRecords(runSync(this.#read()), readOptions(RECORDS_OPTIONS, options));
  }

  /** The file's bytes, with a partial record at its end. */
  async bytes(): Promise<Uint8Array> {
    return this.#later(this.#read());
  }
  bytesSync(): Uint8Array {
    return runSync(this.#read());
  }

  /** What is in the fields of the records, or the file's bytes. @internal */
  async fields(): Promise<PoolFields | Buffer> {
    return this.#later(this.#readFields());
  }
  /** @internal */
  fieldsSync(): PoolFields | Buffer {
    return runSync(this.#readFields());
  }

  /** Each key with its last value. */
  async entries(): Promise<Map<string, string>> {
    return entriesOf(await this.#later(this.#read()));
  }
  entriesSync(): Map<string, string> {
    return entriesOf(runSync(this.#read()));
  }

  /** All records, for JSON or for `load`. `load` may need `limits: 'wire'` for records of other programs. */
  async dump(): Promise<PoolRecord[]> {
    return decodeRecords(await this.#later(this.#read()));
  }
  dumpSync(): PoolRecord[] {
    return decodeRecords(runSync(this.#read()));
  }

  /**
   * Replaces all records: all or none, unless the process is killed meanwhile. Throws the errors of
   * `append`.
   */
  async load(records: Iterable<PoolRecord>): Promise<void> {
    return this.#later(this.#load(records));
  }
  loadSync(records: Iterable<PoolRecord>): void {
    runSync(this.#load(records));
  }

  /** Empties the file. */
  async clear(): Promise<void> {
    await this.#later(this.#clear());
  }
  clearSync(): void {
    runSync(this.#clear());
  }

  /** Empties the file if it was last changed before this system was booted; returns whether it did. */
  async clearIfStale(): Promise<boolean> {
    return this.#later(this.#clearIfStale());
  }
  clearIfStaleSync(): boolean {
    return runSync(this.#clearIfStale());
  }

  /** Empties the file if it is surely of an earlier boot and this process has not written to it. @internal */
  async clearOfEarlierBoot(): Promise<void> {
    const before = hasWritten(this.path) ? undefined : staleBefore();
    if (before !== undefined) await this.#later(this.#until(() => this.#backend.clear(before)));
  }

  /** Whether the file was last changed before this system was booted; `false` if that is not known. */
  async isStale(): Promise<boolean> {
    return this.#later(this.#isStale());
  }
  isStaleSync(): boolean {
    return runSync(this.#isStale());
  }

  /** Lists the defects of the file in its order; changes nothing. */
  async inspect(): Promise<Defect[]> {
    return inspect(await this.#later(this.#read()));
  }
  inspectSync(): Defect[] {
    return inspect(runSync(this.#read()));
  }

  /** Repairs the defects of the file; returns them in its order. */
  async repair(): Promise<Repair[]> {
    return this.#later(this.#repair());
  }
  repairSync(): Repair[] {
    return runSync(this.#repair());
  }

  /** The number of whole records in the file. */
  get size(): number {
    this.#checkOpen();
    const size = this.#dryRun ? this.bytesSync().length : runSync(this.#stat())?.size;
    return Math.floor((size ?? 0) / RECORD_SIZE);
  }

  /** Closes the file once the operations called before are done. May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pending === 0) this.#backend.close();
    else void this.#last.then(() => this.#backend.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #append(given: Appended): Op<void> {
    this.#checkWritable();
    const records = this.#checked(given);
    return this.#until(() => this.#backend.append(records));
  }

  #set(record: PoolRecord): Op<void> {
    this.#checkWritable();
    checkRecord(record, this.#limits);
    return this.#until(() => this.#backend.set(record, this.#maxKeys));
  }

  #get(key: string): Op<string | undefined> {
    checkKey(key, 'wire');
    const read = this.#read();
    return (function* () {
      // Lone surrogates were replaced when the key was written.
      return entriesOf(yield* read).get(key.toWellFormed());
    })();
  }

  #delete(given: string | Iterable<string>): Op<number> {
    this.#checkWritable();
    const keys =
      typeof given === 'string'
        ? [given]
        : [...iterableOption('keys', given, 'a text or an iterable of texts')];
    for (const key of keys) checkKey(key, 'wire');
    return this.#until(() => this.#backend.delete(keys));
  }

  #load(given: Iterable<PoolRecord>): Op<void> {
    this.#checkWritable();
    const records = this.#checked([given]);
    return this.#until(() => this.#backend.load(records));
  }

  #clear(): Op<boolean> {
    this.#checkWritable();
    return this.#until(() => this.#backend.clear());
  }

  #clearIfStale(): Op<boolean> {
    this.#checkWritable();
    const boot = bootTime() ?? 0;
    return this.#until(() => this.#backend.clear(boot));
  }

  #isStale(): Op<boolean> {
    this.#checkOpen();
    const found = this.#stat();
    return (function* () {
      const stat = yield* found;
      return stat !== undefined && isOlder(stat, bootTime() ?? 0);
    })();
  }

  *#repairing(): Op<Repair[]> {
    return repairsOf(yield* this.#until(() => this.#backend.repair()));
  }

  #repair(): Op<Repair[]> {
    this.#checkWritable();
    return this.#repairing();
  }

  #stat(): Op<Stats | undefined> {
    return statOf(this.path, this.#readOnly);
  }

  #read(): Op<Buffer> {
    this.#checkOpen();
    return this.#reading(() => this.#backend.read(this.#readOnly));
  }

  #readFields(): Op<PoolFields | Buffer> {
    this.#checkOpen();
    return this.#reading(() => this.#backend.readFields(this.#readOnly));
  }

  *#reading<R extends Buffer | PoolFields>(
    read: () => Op<Attempt<R | 'missing' | 'irregular'>>,
  ): Op<Buffer | R> {
    try {
      // Opening a FIFO and closing it again would end its writer with EPIPE, so the path is looked at first.
      if (this.#readOnly && (yield* isIrregular(this.path))) return yield* PoolFile.readToEnd(this.path);
      const contents = yield* this.#until(read);
      if (contents === 'missing') return Buffer.alloc(0);
      if (contents !== 'irregular') return contents;
    } catch (error) {
      if (!this.#readOnly || !(error instanceof LockTimeoutError)) throw error;
    }
    return yield* PoolFile.readToEnd(this.path);
  }

  async *#iterate(read: Op<Buffer>, options: RecordsOptions | undefined): AsyncGenerator<PoolRecord> {
    yield* decodeRecords(await this.#later(read), options);
  }

  /** Repeats an attempt until it is done. Throws after `lockTimeout`. */
  *#until<R>(attempt: () => Op<Attempt<R>>): Op<R> {
    const deadline = uptimeMillis() + this.#lockTimeout;
    for (let wait = PAUSE_MIN; ; wait = Math.min(wait * 2, PAUSE_MAX)) {
      // Read before the attempt: if the event loop was blocked for longer than that, one more attempt is
      // made.
      const left = deadline - uptimeMillis();
      const outcome = yield* attempt();
      if (typeof outcome === 'object') return outcome.done;
      if (left <= 0) throw (outcome === 'busy' ? lockTimedOut : neverSettled)(this.path, this.#lockTimeout);
      yield* pause(Math.min(wait, left));
    }
  }

  /** Runs an operation after those that were called before. */
  #later<R>(op: Op<R>): Promise<R> {
    this.#pending++;
    const result = this.#last.then(() => runAsync(op)).finally(() => this.#pending--);
    // Does not keep the result, which may be a whole pool.
    this.#last = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  #checked(given: Appended): PoolRecord[] {
    if (given.length === 2) {
      const [key, value] = given;
      checkRecord({ key, value }, this.#limits);
      return [{ key, value }];
    }
    const [records] = given;
    return Array.from(iterableOption('records', records, 'an iterable of records'), (record, index) => {
      const { key, value } = Object(record) as PoolRecord;
      checkRecord({ key, value }, this.#limits, index);
      return { key, value };
    });
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (!this.#readOnly) return;
    const message = `${this.path} was opened with readOnly: it can't be changed`;
    throw new ReadOnlyError('ERR_KVP_READ_ONLY', message, { path: this.path });
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new ClosedError(
      'ERR_KVP_CLOSED',
      `the store of ${this.path} is closed; wait for what was begun before close()`,
      { path: this.path },
    );
  }
}
