import type { Stats } from 'node:fs';
import { ClosedError, LockTimeoutError, MalformedPoolError, OptionError, ReadOnlyError } from '../errors.ts';
import { countOption } from '../option.ts';
import { type Attempt, TORN_AFTER } from './attempt.ts';
import { bootTime } from './boot-time.ts';
import { type Defect, inspect } from './edit.ts';
import { RECORD_SIZE } from './limits.ts';
import { type Op, pause, runAsync, runSync } from './op.ts';
import { checkKey, checkRecord, decodeRecords, type Limits, type PoolRecord } from './record.ts';
import type { StoreBackend } from './store-backend.ts';
import { isIrregular, PoolFile, statOf } from './sys.ts';
import { performance } from '../tracing/timers.ts';

export interface StoreOptions {
  /**
   * How long keys and values may be: `'safe'` for what reaches the host whole (254 and 1,022 bytes), `'wire'`
   * for what fits into the file (511 and 2,047). Default `'safe'`.
   */
  limits?: Limits;
  /** Milliseconds that an operation waits for somebody's lock, or for a torn tail to settle. Default `1000`. */
  lockTimeout?: number;
  /** Different keys up to which `set` adds new ones. Default `1024`. */
  maxKeys?: number;
  /** Only read: follow links, read pipes, go on without a lock where none can be had. Default `false`. */
  readOnly?: boolean;
}

export interface RecordsOptions {
  /** Give the bytes too, as `rawKey` and `rawValue`. Default `false`. */
  raw?: boolean;
}

/** What a repair did about a defect: a torn tail is cut, a record without a key dropped, a field spelled anew. */
export interface Repair extends Defect {
  action: 'cut' | 'dropped' | 're-encoded';
}

type Appended = [key: string, value: string] | [records: Iterable<PoolRecord>];

// libazureinit-kvp's HV_KVP_EXCHANGE_MAX_RECORDS
const DEFAULTS = { limits: 'safe', lockTimeout: 1000, maxKeys: 1024, readOnly: false } as const;

/** Milliseconds between attempts: the first pause, and the longest. */
const PAUSE_MIN = 0.1;
const PAUSE_MAX = 20;

/**
 * The records of a pool, each operation under the locks of the others who write there. Every operation has
 * two forms, as in `node:fs`: a promise that does not block the event loop, in the order of the calls, and
 * `…Sync`. All throw `IoError`, `NotAPoolFileError`, `LockTimeoutError` and, once closed, `ClosedError`;
 * those that change the pool also `NoLockError`, and `MalformedPoolError` where its end never settles.
 * On the fallback a `…Sync` that meets a promise's operation with the lock taken times out.
 */
export class PoolStore implements Disposable {
  readonly path: string;
  readonly #backend: StoreBackend;
  readonly #limits: Limits;
  readonly #lockTimeout: number;
  readonly #maxKeys: number;
  readonly #readOnly: boolean;
  #closed = false;
  #pending = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** Use `openPool`. @internal */
  constructor(path: string, backend: StoreBackend, options: StoreOptions) {
    this.path = path;
    this.#backend = backend;
    const { limits = DEFAULTS.limits, lockTimeout = DEFAULTS.lockTimeout } = options;
    const { maxKeys = DEFAULTS.maxKeys, readOnly = DEFAULTS.readOnly } = options;
    if (limits !== 'safe' && limits !== 'wire') throw new OptionError('limits', limits, "'safe' or 'wire'");
    if (typeof lockTimeout !== 'number' || !(lockTimeout >= 0)) {
      throw new OptionError('lockTimeout', lockTimeout, 'milliseconds from 0');
    }
    this.#limits = limits;
    this.#lockTimeout = lockTimeout;
    this.#maxKeys = countOption('maxKeys', maxKeys, 1);
    this.#readOnly = readOnly;
  }

  /**
   * Adds a record, or several that stay together, at the end: all or none. Throws `EmptyKeyError`,
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
   * Gives a key this value in place; of duplicates one stays. A new key is added at the end; throws
   * `PoolFullError` if it would be one more than `maxKeys`, and like `append`.
   */
  async set(key: string, value: string): Promise<void> {
    return this.#later(this.#set({ key, value }));
  }
  setSync(key: string, value: string): void {
    runSync(this.#set({ key, value }));
  }

  /** The value of the last record with this key. */
  async get(key: string): Promise<string | undefined> {
    return this.#later(this.#get(key));
  }
  getSync(key: string): string | undefined {
    return runSync(this.#get(key));
  }

  /** Removes all records with one of the keys; says how many. */
  async delete(keys: string | Iterable<string>): Promise<number> {
    return this.#later(this.#delete(keys));
  }
  deleteSync(keys: string | Iterable<string>): number {
    return runSync(this.#delete(keys));
  }

  /** The records in the order of the file, read at once when the first is asked for. */
  records(options?: RecordsOptions): AsyncIterable<PoolRecord> {
    const read = this.#read();
    return this.#iterate(read, options);
  }
  recordsSync(options?: RecordsOptions): Iterable<PoolRecord> {
    return decodeRecords(runSync(this.#read()), options);
  }

  /** The file's bytes; a partial record at its end is among them. */
  async bytes(): Promise<Uint8Array> {
    return this.#later(this.#read());
  }
  bytesSync(): Uint8Array {
    return runSync(this.#read());
  }

  /** Each key with its last value. */
  async entries(): Promise<Map<string, string>> {
    return entriesOf(await this.#later(this.#read()));
  }
  entriesSync(): Map<string, string> {
    return entriesOf(runSync(this.#read()));
  }

  /** All records, as `load` takes them (with `limits: 'wire'` whatever others wrote) and JSON keeps them. */
  async dump(): Promise<PoolRecord[]> {
    return decodeRecords(await this.#later(this.#read()));
  }
  dumpSync(): PoolRecord[] {
    return decodeRecords(runSync(this.#read()));
  }

  /** Replaces all records: all or nothing, unless the process is killed while it writes. Throws like `append`. */
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

  /** Empties the file if it was last changed before this system was booted; says whether it did. */
  async clearIfStale(): Promise<boolean> {
    return this.#later(this.#clearIfStale());
  }
  clearIfStaleSync(): boolean {
    return runSync(this.#clearIfStale());
  }

  /** Whether the file was last changed before this system was booted; `false` where that can't be told. */
  async isStale(): Promise<boolean> {
    return this.#later(this.#isStale());
  }
  isStaleSync(): boolean {
    return runSync(this.#isStale());
  }

  /** What is wrong with the file, in its order; changes nothing. */
  async inspect(): Promise<Defect[]> {
    return inspect(await this.#later(this.#read()));
  }
  inspectSync(): Defect[] {
    return inspect(runSync(this.#read()));
  }

  /** Mends what would stop the host's walk; says what it did. */
  async repair(): Promise<Repair[]> {
    return this.#later(this.#repair());
  }
  repairSync(): Repair[] {
    return runSync(this.#repair());
  }

  /** How many whole records the file has. */
  get size(): number {
    this.#checkOpen();
    return Math.floor((runSync(this.#stat())?.size ?? 0) / RECORD_SIZE);
  }

  /** Lets go of the file, after what was called before. Idempotent. */
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
      // Text becomes well-formed when it is written.
      return entriesOf(yield* read).get(key.toWellFormed());
    })();
  }

  #delete(given: string | Iterable<string>): Op<number> {
    this.#checkWritable();
    const keys =
      typeof given === 'string' ? [given] : [...iterable('keys', given, 'a text or an iterable of texts')];
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
      return stat !== undefined && Math.floor(stat.mtimeMs / 1000) < (bootTime() ?? 0);
    })();
  }

  *#repairing(): Op<Repair[]> {
    const defects = yield* this.#until(() => this.#backend.repair());
    const dropped = new Set(
      defects.filter(({ reason }) => reason === 'empty_key').map(({ record }) => record),
    );
    return defects.map((defect) => {
      if (defect.reason === 'torn_tail') return { ...defect, action: 'cut' };
      return { ...defect, action: dropped.has(defect.record) ? 'dropped' : 're-encoded' };
    });
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
    return this.#reading();
  }

  *#reading(): Op<Buffer> {
    try {
      // Not by opening it: the writer of a FIFO would go on and find its reader gone.
      if (this.#readOnly && (yield* isIrregular(this.path))) return yield* PoolFile.readToEnd(this.path);
      const contents = yield* this.#until(() => this.#backend.read(this.#readOnly));
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

  /** Attempts until it is done, or for `lockTimeout`. */
  *#until<R>(attempt: () => Op<Attempt<R>>): Op<R> {
    const deadline = performance.now() + this.#lockTimeout;
    for (let wait = PAUSE_MIN; ; wait = Math.min(wait * 2, PAUSE_MAX)) {
      // Whoever was kept from the event loop for longer than that has not looked yet.
      const left = deadline - performance.now();
      const outcome = yield* attempt();
      if (typeof outcome === 'object') return outcome.done;
      if (left <= 0) throw this.#timedOut(outcome);
      yield* pause(Math.min(wait, left));
    }
  }

  #timedOut(outcome: 'busy' | 'unsettled'): Error {
    const { path } = this;
    const waited = `${this.#lockTimeout} ms (lockTimeout)`;
    if (outcome === 'busy') {
      const message = `another process kept ${path} locked for ${waited}`;
      return new LockTimeoutError('ERR_KVP_LOCK_TIMEOUT', message, { path });
    }
    const message = `${path} ends in the middle of a record and did not stay as it was for ${TORN_AFTER} ms within ${waited}`;
    return new MalformedPoolError('ERR_KVP_MALFORMED_POOL', message, { path });
  }

  /** After all that was called before. */
  #later<R>(op: Op<R>): Promise<R> {
    this.#pending++;
    const result = this.#last.then(() => runAsync(op)).finally(() => this.#pending--);
    // Without its result, which may be a whole pool.
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
    return Array.from(iterable('records', records, 'an iterable of records'), (record, index) => {
      const { key, value } = Object(record) as PoolRecord;
      checkRecord({ key, value }, this.#limits, index);
      return { key, value };
    });
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (!this.#readOnly) return;
    throw new ReadOnlyError(
      'ERR_KVP_READ_ONLY',
      `${this.path} was opened with readOnly: it can't be changed`,
      {
        path: this.path,
      },
    );
  }

  #checkOpen(): void {
    if (!this.#closed) return;
    throw new ClosedError('ERR_KVP_CLOSED', `the store of ${this.path} is closed`, { path: this.path });
  }
}

function entriesOf(pool: Buffer): Map<string, string> {
  return new Map(decodeRecords(pool).map(({ key, value }) => [key, value]));
}

function iterable<T>(option: string, given: Iterable<T>, expected: string): Iterable<T> {
  if (typeof given === 'object' && typeof given?.[Symbol.iterator] === 'function') return given;
  throw new OptionError(option, given, expected);
}
