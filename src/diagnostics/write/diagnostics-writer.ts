import { randomUUID } from 'node:crypto';
import { isPromise } from 'node:util/types';
import { ClosedError, FieldError, OptionError, PoolFullError, TooLargeError } from '../../errors.ts';
import { anyOption, type Checks, oneOf, readOptions, wholeNumber } from '../../option.ts';
import { chunksOf } from '../../pool/record.ts';
import { checkKeyField, type KeyFields, type KeyLayout, keyText } from '../../pool/key-layout.ts';
import { CHUNKS_MAX, ID_MAX, SAFE_VALUE } from '../../pool/limits.ts';
import { type NumberedPool, openPool } from '../../pool/open-pool.ts';
import type { PoolRecord } from '../../pool/record.ts';
import { PoolStore } from '../../pool/pool-store.ts';
import { DEFAULT_MAX_RECORDS } from '../../pool/store-options.ts';
import { vmId as ownVmId } from '../vm-id.ts';
import { Fields, type FieldsObject } from '../../tracing/fields.ts';
import type { Result } from '../../tracing/span.ts';
import { artifactFile } from './artifact-file.ts';
import { encode, type PayloadEncoding } from '../encoding.ts';
import { diagKeyLayout } from './diag-layout.ts';
import { fieldsPayload, parentMember, spanMember } from './diag-payload.ts';
import { AGENT_MAX, DEFAULT_AGENT } from './legal-name.ts';
import { performance } from '../../tracing/performance.ts';
import { Date } from '../../tracing/timers.ts';

export interface DiagnosticsOptions {
  /** Who writes, `name/version`, at most 32 bytes. Default: this package. */
  agent?: string | undefined;
  /** The VM's id, at most 36 bytes. Default: this VM's. */
  vmId?: string | undefined;
  /** How payloads are stored if a call does not say. Default `'auto'`. */
  encoding?: PayloadEncoding | undefined;
  /** Records that the pool may have, whoever wrote them. Default `1024`. */
  maxRecords?: number | undefined;
}

/**
 * A text, written as it is, or fields, written as `{"fields":{…}}`, as in the payload of a span. With a parent or an
 * operation a text is written as the field `message`. Nothing is redacted.
 */
export type DiagnosticPayload = string | FieldsObject;

interface PayloadOptions {
  /** How the payload is stored. Default: the writer's. */
  encoding?: PayloadEncoding | undefined;
}

export interface StartOptions extends PayloadOptions {
  /** The operation, or the span, that it is a part of. Default: none is recorded; readers go by time. */
  parent?: Pick<StartedDiagnostic, 'id'> | undefined;
}

export interface FinishOptions extends PayloadOptions {
  /** In seconds. Default: of a finish the time since its start in this process, of an event none. */
  duration?: number | undefined;
}

export interface EventOptions extends FinishOptions {
  /** Default: none. */
  result?: Result | undefined;
  /** The operation, or the span, in which it happened. Default: none is recorded; readers go by the name. */
  operation?: Pick<StartedDiagnostic, 'id'> | undefined;
}

export interface ArtifactOptions extends PayloadOptions {
  /** Bytes that the artifact may have; more throw `TooLargeError`. Default 512 KiB. */
  maxBytes?: number | undefined;
}

/** An operation that was started. */
export interface StartedDiagnostic {
  readonly name: string;
  /** The id of its start and its finish. */
  readonly id: string;
  readonly time: Date;
}

/** A file that was put into the pool. */
export interface Artifact {
  /** The id of its event. */
  id: string;
  /** How many records it took. */
  records: number;
  /** How many bytes it has. */
  bytes: number;
}

/** What a call says besides the payload. */
type KeyParts = Pick<KeyFields, 'kind' | 'name' | 'id'> & {
  time: Date;
  result: Result | undefined;
  duration: number | undefined;
};

const DEFAULTS = {
  encoding: 'auto',
  maxRecords: DEFAULT_MAX_RECORDS,
  maxBytes: 512 * 1024,
} as const;

const encodingOption = oneOf(['none', 'zlib+b64', 'gz+b64', 'auto']);
const resultOption = oneOf(['success', 'fail']);

/** Fields of keys are checked with their limits, by `fieldOf`. */
const OPTIONS: Checks<DiagnosticsOptions> = {
  agent: anyOption,
  vmId: anyOption,
  encoding: encodingOption,
  maxRecords: wholeNumber(1),
};
const PAYLOAD_OPTIONS: Checks<PayloadOptions> = { encoding: encodingOption };
const START_OPTIONS: Checks<StartOptions> = { ...PAYLOAD_OPTIONS, parent: startedOption };
const FINISH_OPTIONS: Checks<FinishOptions> = { ...PAYLOAD_OPTIONS, duration: secondsOption };
const EVENT_OPTIONS: Checks<EventOptions> = {
  ...FINISH_OPTIONS,
  result: resultOption,
  operation: startedOption,
};
const ARTIFACT_OPTIONS: Checks<ArtifactOptions> = { ...PAYLOAD_OPTIONS, maxBytes: wholeNumber(1) };

/** INFO. A program without spans says no level, and keys of this format have none. */
const LEVEL = 3;

/** When operations of this process started, by the monotonic clock. Keyed by object, so that no copy from elsewhere is in it. */
const startTimes = new WeakMap<object, number>();

/**
 * Makes a writer of format `diag` for programs without spans. The pool is given by its path, its number or an open
 * store; nothing is opened yet. Throws `FieldError` and `OptionError`, and `BindingError` if the native core is
 * demanded and missing.
 *
 * @example
 * ```ts
 * const writer = diagnostics('pool', { agent: 'my-agent/1.0.0' });
 * const started = await writer.start('mkfs');
 * await writer.finish(started, 'success', { blocks: 500 });
 * writer.close();
 * ```
 */
export function diagnostics(
  pool: string | NumberedPool | PoolStore,
  options?: DiagnosticsOptions,
): DiagnosticsWriter {
  return new DiagnosticsWriter(pool, options);
}

/**
 * Writes diagnostics in the order of the calls. A call resolves when all its records are in the pool; if it rejects,
 * none is. It checks its arguments before it opens anything. It rejects with `FieldError`, `OptionError`,
 * `TooLargeError` (a payload of more than 1,023 records), `PoolFullError` (more than `maxRecords`; two writers at the
 * same time may exceed it by one payload), `ClosedError`, and with the errors of `PoolStore.append`. Payloads of more
 * than 4 KiB are compressed in another thread.
 *
 * @example
 * ```ts
 * using writer = diagnostics('pool');
 * await writer.event('mkfs', { disk: 'sda' });
 * await writer.artifact('mkfs.log', '/var/log/mkfs.log');
 * ```
 */
export class DiagnosticsWriter implements Disposable {
  readonly #store: PoolStore;
  readonly #ownsStore: boolean;
  readonly #keys: KeyLayout;
  readonly #encoding: PayloadEncoding;
  readonly #maxRecords: number;
  #isClosed = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Use `diagnostics`. @internal */
  constructor(pool: string | NumberedPool | PoolStore, given: DiagnosticsOptions | undefined) {
    const options = readOptions(OPTIONS, given);
    const agent = fieldOf('agent', options.agent ?? DEFAULT_AGENT, AGENT_MAX);
    const vmId = fieldOf('vm_id', options.vmId ?? ownVmId(), ID_MAX);
    this.#keys = diagKeyLayout(agent, vmId);
    this.#encoding = options.encoding ?? DEFAULTS.encoding;
    this.#maxRecords = options.maxRecords ?? DEFAULTS.maxRecords;
    this.#ownsStore = !(pool instanceof PoolStore);
    this.#store = pool instanceof PoolStore ? pool : openPool(pool);
  }

  /** Writes that an operation starts. `name` has at most 48 bytes, no `|` and no NUL. */
  async start(
    name: string,
    payload: DiagnosticPayload = '',
    options?: StartOptions,
  ): Promise<StartedDiagnostic> {
    const { encoding, parent } = readOptions(START_OPTIONS, options);
    const started: StartedDiagnostic = { name, id: randomUUID(), time: new Date() };
    startTimes.set(started, performance.now());
    await this.#append(
      { kind: 'start', ...started, result: undefined, duration: undefined },
      () => bytesOf(payload, parentMember(parent?.id)),
      encoding,
    );
    return started;
  }

  /**
   * Writes that an operation ended. Its duration is measured by the monotonic clock; `duration` is needed if another
   * process started it, so that only its name and id are known.
   */
  async finish(
    started: Pick<StartedDiagnostic, 'name' | 'id'>,
    result: Result,
    payload: DiagnosticPayload = '',
    options?: FinishOptions,
  ): Promise<void> {
    const { duration, encoding } = readOptions(FINISH_OPTIONS, options);
    if (isPromise(started)) throw new OptionError('started', started, 'what start() resolved with');
    const { name, id } = Object(started) as StartedDiagnostic;
    const startTime = startTimes.get(started);
    const seconds =
      duration ?? (startTime === undefined ? undefined : (performance.now() - startTime) / 1000);
    if (seconds === undefined) {
      throw new OptionError('duration', seconds, 'given for what was not begun in this process');
    }
    const time = new Date();
    const parts: KeyParts = {
      kind: 'finish',
      name,
      id,
      time,
      result: resultOption('result', result),
      duration: seconds,
    };
    await this.#append(parts, () => bytesOf(payload), encoding);
  }

  /** Writes an observation; resolves with its id. */
  async event(name: string, payload: DiagnosticPayload = '', options?: EventOptions): Promise<string> {
    const { result, duration, encoding, operation } = readOptions(EVENT_OPTIONS, options);
    const id = randomUUID();
    const parts: KeyParts = { kind: 'event', name, id, time: new Date(), result, duration };
    await this.#append(parts, () => bytesOf(payload, spanMember(operation?.id)), encoding);
    return id;
  }

  /**
   * Writes a file, given by its bytes or its path, into as few records as possible: an event with the bytes as its
   * payload. Rejects for a path that is no regular file, and without reading it for more than `maxBytes`.
   */
  async artifact(name: string, source: Uint8Array | string, options?: ArtifactOptions): Promise<Artifact> {
    const { maxBytes: limit = DEFAULTS.maxBytes, encoding } = readOptions(ARTIFACT_OPTIONS, options);
    const id = randomUUID();
    const parts: KeyParts = {
      kind: 'event',
      name,
      id,
      time: new Date(),
      result: undefined,
      duration: undefined,
    };
    return { id, ...(await this.#append(parts, () => contentOf(source, limit), encoding)) };
  }

  /** Rejects later calls; earlier ones are still written. A store that was given stays open. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#ownsStore) void this.#last.then(() => this.#store.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Encodes at once, appends after all earlier calls. */
  #append(
    parts: KeyParts,
    payload: () => Buffer | Promise<Buffer>,
    asked: PayloadEncoding = this.#encoding,
  ): Promise<Omit<Artifact, 'id'>> {
    const before = this.#last;
    const appended = this.#framed(parts, payload, asked).then(async ({ records, bytes }) => {
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
    // A call that is rejected need not wait for its turn; later ones still wait for the calls before it.
    this.#last = appended.then(
      () => {},
      () => before,
    );
    return appended;
  }

  /** Checks everything, then makes the records of a payload of so many `bytes`. */
  async #framed(
    { kind, name, id, time, result, duration }: KeyParts,
    payload: () => Buffer | Promise<Buffer>,
    asked: PayloadEncoding,
  ): Promise<{ records: PoolRecord[]; bytes: number }> {
    if (this.#isClosed) {
      const { path } = this.#store;
      throw new ClosedError(
        'ERR_KVP_CLOSED',
        `the diagnostics writer of ${path} is closed; wait for what was begun before close()`,
        { path },
      );
    }
    fieldOf('name', name, this.#keys.nameMax);
    fieldOf('id', id, ID_MAX);
    const bytes = await payload();
    const { encoding, stored } = await encode(bytes, asked);
    const ends = chunksOf(stored);
    if (ends === undefined) {
      const given = `the payload has ${bytes.length} bytes, ${stored.length} with encoding ${encoding}`;
      throw new TooLargeError(`${given}; the limit is ${CHUNKS_MAX} records of ${SAFE_VALUE} bytes`);
    }
    const fields = {
      kind,
      level: LEVEL,
      name,
      id,
      time: time.getTime(),
      encoding,
      result,
      seconds: duration,
    };
    const records = ends.map((end, chunk) => ({
      key: keyText(this.#keys, fields, chunk),
      value: stored.toString('utf8', ends[chunk - 1] ?? 0, end),
    }));
    return { records, bytes: bytes.length };
  }
}

/** The bytes of a payload; `members` are those of the payload besides its fields. */
function bytesOf(payload: unknown, members = ''): Buffer {
  if (typeof payload === 'string') {
    if (members === '') return Buffer.from(payload);
    const message = payload === '' ? undefined : { message: payload };
    return Buffer.from(fieldsPayload(Fields.of(message), members));
  }
  if (typeof payload === 'object' && payload !== null && !ArrayBuffer.isView(payload)) {
    return Buffer.from(fieldsPayload(Fields.of(payload), members));
  }
  throw new OptionError('payload', payload, 'a text or an object of fields (artifact takes bytes)');
}

async function contentOf(source: Uint8Array | string, maxBytes: number): Promise<Buffer> {
  if (typeof source === 'string') return artifactFile(source, maxBytes);
  if (!(source instanceof Uint8Array)) throw new OptionError('source', source, 'bytes or a path');
  if (source.length > maxBytes) {
    throw new TooLargeError(`the artifact has ${source.length} bytes; the limit is ${maxBytes} (maxBytes)`);
  }
  // A copy, because the caller may change the bytes.
  return Buffer.from(source);
}

/** Checks a field of a key; the error shows what was given. */
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

function secondsOption(option: string, seconds: unknown): number {
  if (typeof seconds === 'number' && seconds >= 0 && seconds <= Number.MAX_SAFE_INTEGER) return seconds;
  throw new OptionError(option, seconds, `seconds from 0 to ${Number.MAX_SAFE_INTEGER}`);
}

/** What `start` resolved with, or whatever else has an `id` that fits a key. */
function startedOption(option: string, given: unknown): Pick<StartedDiagnostic, 'id'> {
  const id: unknown =
    typeof given === 'object' && given !== null ? (given as StartedDiagnostic).id : undefined;
  if (typeof id === 'string') {
    fieldOf('id', id, ID_MAX);
    return given as StartedDiagnostic;
  }
  throw new OptionError(option, given, 'what start() resolved with');
}
