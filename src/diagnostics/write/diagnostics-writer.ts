import { randomUUID } from 'node:crypto';
import { ClosedError, FieldError, OptionError, PoolFullError, TooLargeError } from '../../errors.ts';
import { countOption } from '../../option.ts';
import { chunksOf } from '../../pool/fallback/frame.ts';
import { checkKeyField, type KeyFields, type KeyLayout, keyText } from '../../pool/key-layout.ts';
import { CHUNKS_MAX, ID_MAX, SAFE_VALUE } from '../../pool/limits.ts';
import { type NumberedPool, openPool } from '../../pool/open-pool.ts';
import type { PoolRecord } from '../../pool/record.ts';
import { PoolStore } from '../../pool/pool-store.ts';
import { vmId as ownVmId } from '../../pool/vm-id.ts';
import { Fields, type FieldsObject } from '../../tracing/fields.ts';
import type { Result } from '../../tracing/span.ts';
import { artifactFile } from './artifact-file.ts';
import { encode, type PayloadEncoding } from '../encoding.ts';
import { diagKeyLayout } from './diag-layout.ts';
import { fieldsPayload } from './diag-payload.ts';
import { AGENT_MAX, DEFAULT_AGENT } from './legal-name.ts';

export interface DiagnosticsOptions {
  /** Who writes, `name/version`, at most 32 bytes. Default: this package. */
  agent?: string;
  /** The VM's id, at most 36 bytes. Default: this VM's. */
  vmId?: string;
  /** How payloads are stored unless a call says otherwise. Default `'auto'`. */
  encoding?: PayloadEncoding;
  /** Records that the pool may have, whoever wrote them. Default `1024`. */
  maxRecords?: number;
}

/** A text as it is; or fields, which become `{"fields":{…}}` as in the payload of a span. Nothing is redacted. */
export type DiagnosticPayload = string | FieldsObject;

export interface StartOptions {
  /** How the payload is stored. Default: the writer's. */
  encoding?: PayloadEncoding;
}

export interface FinishOptions extends StartOptions {
  /** In seconds. */
  duration?: number;
}

export interface EventOptions extends FinishOptions {
  result?: Result;
}

export interface ArtifactOptions extends StartOptions {
  /** A larger file is refused. Default 512 KiB. */
  maxBytes?: number;
}

/** An operation that was begun. */
export interface StartedDiagnostic {
  readonly name: string;
  /** What its start and its finish share. */
  readonly id: string;
  readonly time: Date;
}

/** A file that was put into the pool. */
export interface Artifact {
  /** Of its event. */
  id: string;
  /** How many it took. */
  records: number;
  /** Of the file. */
  bytes: number;
}

/** What a call tells of an operation or observation besides its payload. */
type Told = Pick<KeyFields, 'kind' | 'name' | 'id'> & {
  time: Date;
  result?: Result | undefined;
  duration?: number | undefined;
};

const DEFAULTS = {
  encoding: 'auto',
  // libazureinit-kvp's HV_KVP_EXCHANGE_MAX_RECORDS
  maxRecords: 1024,
  maxBytes: 512 * 1024,
} as const;

/** INFO: who writes without spans says no level, and its keys have none. */
const LEVEL = 3;

/** When what was begun here began, by the monotonic clock; what comes from another process is not in it. */
const begun = new WeakMap<object, number>();

/**
 * Tells the Azure host of operations and observations, for programs without spans: a writer of format `diag`
 * into a pool, given by its path, its number or an open store. Opens nothing yet. Throws `FieldError` and
 * `OptionError`, and `BindingError` if the native core is demanded and missing.
 */
export function diagnostics(
  pool: string | NumberedPool | PoolStore,
  options: DiagnosticsOptions = {},
): DiagnosticsWriter {
  return new DiagnosticsWriter(pool, options);
}

/**
 * Writes diagnostics, in the order of the calls, each with all its records together or not at all. A call
 * resolves when they are in the pool. It checks what it is given before it opens anything, and rejects with
 * `FieldError`, `OptionError`, `TooLargeError` (a payload of more than 1,023 records), `PoolFullError` (more
 * than `maxRecords`; two writers at the same time may go over by one payload), `ClosedError`, and as
 * `PoolStore.append`. Payloads of more than 4 KiB are compressed in another thread.
 */
export class DiagnosticsWriter implements Disposable {
  readonly #store: PoolStore;
  readonly #ownsStore: boolean;
  readonly #keys: KeyLayout;
  readonly #encoding: PayloadEncoding;
  readonly #maxRecords: number;
  #isClosed = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Use `diagnostics`. */
  constructor(pool: string | NumberedPool | PoolStore, options: DiagnosticsOptions) {
    const agent = fieldOf('agent', options.agent ?? DEFAULT_AGENT, AGENT_MAX);
    const vmId = fieldOf('vm_id', options.vmId ?? ownVmId(), ID_MAX);
    this.#keys = diagKeyLayout(agent, vmId);
    this.#encoding = encodingOf(options.encoding ?? DEFAULTS.encoding);
    this.#maxRecords = countOption('maxRecords', options.maxRecords ?? DEFAULTS.maxRecords, 1);
    this.#ownsStore = !(pool instanceof PoolStore);
    this.#store = pool instanceof PoolStore ? pool : openPool(pool);
  }

  /** An operation begins. `name` has at most 48 bytes, no `|` and no NUL. */
  async start(
    name: string,
    payload: DiagnosticPayload = '',
    { encoding }: StartOptions = {},
  ): Promise<StartedDiagnostic> {
    const started: StartedDiagnostic = { name, id: randomUUID(), time: new Date() };
    begun.set(started, performance.now());
    await this.#append({ kind: 'start', ...started }, () => bytesOf(payload), encoding);
    return started;
  }

  /**
   * An operation ends. It took as long as the monotonic clock says, or `duration`, which is needed where
   * another process began it and only its name and id are known.
   */
  async finish(
    started: Pick<StartedDiagnostic, 'name' | 'id'>,
    result: Result,
    payload: DiagnosticPayload = '',
    { duration, encoding }: FinishOptions = {},
  ): Promise<void> {
    const { name, id } = Object(started) as StartedDiagnostic;
    const begin = begun.get(started);
    const seconds = duration ?? (begin === undefined ? undefined : (performance.now() - begin) / 1000);
    if (seconds === undefined) {
      throw new OptionError('duration', seconds, 'given for what was not begun in this process');
    }
    if (result === undefined) throw new OptionError('result', result, "'success' or 'fail'");
    const told: Told = { kind: 'finish', name, id, time: new Date(), result, duration: seconds };
    await this.#append(told, () => bytesOf(payload), encoding);
  }

  /** Something is observed; gives its id. */
  async event(
    name: string,
    payload: DiagnosticPayload = '',
    { result, duration, encoding }: EventOptions = {},
  ): Promise<string> {
    const id = randomUUID();
    const told: Told = { kind: 'event', name, id, time: new Date(), result, duration };
    await this.#append(told, () => bytesOf(payload), encoding);
    return id;
  }

  /**
   * Puts a file, given by its bytes or its path, into as few records as possible: an event with the bytes as
   * its payload. What is no regular file is refused, and so is what has more than `maxBytes`, unread.
   */
  async artifact(
    name: string,
    source: Uint8Array | string,
    { maxBytes = DEFAULTS.maxBytes, encoding }: ArtifactOptions = {},
  ): Promise<Artifact> {
    const id = randomUUID();
    const limit = countOption('maxBytes', maxBytes, 1);
    const told: Told = { kind: 'event', name, id, time: new Date() };
    return { id, ...(await this.#append(told, () => contentOf(source, limit), encoding)) };
  }

  /** Takes no more; what was called before is still written. A store that was given stays open. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#ownsStore) void this.#last.then(() => this.#store.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Encodes at once, appends after all that was called before. */
  #append(
    told: Told,
    payload: () => Buffer | Promise<Buffer>,
    asked: PayloadEncoding = this.#encoding,
  ): Promise<Omit<Artifact, 'id'>> {
    const before = this.#last;
    const appended = this.#framed(told, payload, asked).then(async ({ records, bytes }) => {
      await before;
      const { path, size } = this.#store;
      const more = records.length;
      if (size + more > this.#maxRecords) {
        const message = `${path} has ${size} records; ${more} more would be over the limit of ${this.#maxRecords}`;
        throw new PoolFullError('ERR_KVP_POOL_FULL', message, { path });
      }
      await this.#store.append(records);
      return { records: more, bytes };
    });
    // What is refused may be so before its turn.
    this.#last = appended.then(
      () => {},
      () => before,
    );
    return appended;
  }

  /** Checks everything, then makes records of a payload; `bytes` is how many it has. */
  async #framed(
    { kind, name, id, time, result, duration }: Told,
    payload: () => Buffer | Promise<Buffer>,
    asked: PayloadEncoding,
  ): Promise<{ records: PoolRecord[]; bytes: number }> {
    if (this.#isClosed) {
      const { path } = this.#store;
      throw new ClosedError('ERR_KVP_CLOSED', `the diagnostics writer of ${path} is closed`, { path });
    }
    fieldOf('name', name, this.#keys.nameMax);
    fieldOf('id', id, ID_MAX);
    if (result !== undefined && result !== 'success' && result !== 'fail') {
      throw new OptionError('result', result, "'success' or 'fail'");
    }
    const seconds = duration === undefined ? undefined : secondsOf(duration);
    encodingOf(asked);
    const bytes = await payload();
    const { encoding, stored } = await encode(bytes, asked);
    const ends = chunksOf(stored);
    if (ends === undefined) {
      const given = `the payload has ${bytes.length} bytes, ${stored.length} with encoding ${encoding}`;
      throw new TooLargeError(`${given}; the limit is ${CHUNKS_MAX} records of ${SAFE_VALUE} bytes`);
    }
    const fields = { kind, level: LEVEL, name, id, time: time.getTime(), encoding, result, seconds };
    const records = ends.map((end, chunk) => ({
      key: keyText(this.#keys, fields, chunk),
      value: stored.toString('utf8', ends[chunk - 1] ?? 0, end),
    }));
    return { records, bytes: bytes.length };
  }
}

function bytesOf(payload: unknown): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload);
  if (typeof payload === 'object' && payload !== null && !ArrayBuffer.isView(payload)) {
    return Buffer.from(fieldsPayload(Fields.of(payload)));
  }
  throw new OptionError('payload', payload, 'a text or an object of fields (artifact takes bytes)');
}

async function contentOf(source: Uint8Array | string, maxBytes: number): Promise<Buffer> {
  if (typeof source === 'string') return artifactFile(source, maxBytes);
  if (!(source instanceof Uint8Array)) throw new OptionError('source', source, 'bytes or a path');
  if (source.length > maxBytes) {
    throw new TooLargeError(`the artifact has ${source.length} bytes; the limit is ${maxBytes} (maxBytes)`);
  }
  // A copy: the caller may go on to change them.
  return Buffer.from(source);
}

/** A field of a key, whose error says what was given. */
function fieldOf(field: string, given: unknown, limit: number): string {
  if (typeof given !== 'string') throw new OptionError(field, given, 'a text');
  const length = Buffer.byteLength(given);
  if (length > limit) {
    const shown = given.length > 100 ? `${given.slice(0, 100)}…` : given;
    const message = `${field} ${JSON.stringify(shown)} has ${length} bytes; the limit is ${limit}`;
    throw new FieldError('ERR_KVP_FIELD_TOO_LONG', message);
  }
  if (!given.isWellFormed()) {
    const rule = 'half of a surrogate pair is no UTF-8';
    throw new FieldError(
      'ERR_KVP_INVALID_FIELD',
      `${field} ${JSON.stringify(given)} is not allowed: ${rule}`,
    );
  }
  checkKeyField(field, given, limit);
  return given;
}

function encodingOf(given: PayloadEncoding): PayloadEncoding {
  if (['none', 'zlib+b64', 'gz+b64', 'auto'].includes(given)) return given;
  throw new OptionError('encoding', given, "'none', 'zlib+b64', 'gz+b64' or 'auto'");
}

function secondsOf(seconds: number): number {
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER) return seconds;
  throw new OptionError('duration', seconds, `seconds from 0 to ${Number.MAX_SAFE_INTEGER}`);
}
