import { resolve } from 'node:path';
import { DroppedError, OptionError } from '../errors.ts';
import type { Layout, RecordName } from '../diagnostics/write/layout.ts';
import { DEFAULT_AGENT, legalAgent, legalName } from '../diagnostics/write/legal-name.ts';
import { countOption, textOption } from '../option.ts';
import { bootTime } from '../pool/boot-time.ts';
import { DEFAULT_POOL_PATH, openWriter, poolPath } from '../pool/open-pool.ts';
import { vmId } from '../pool/vm-id.ts';
import type { PoolWriter, WriterStats } from '../pool/pool-writer.ts';
import { atExit, exitTimeLeft } from '../tracing/at-exit.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { type ProblemHandler, guarded } from '../tracing/problem.ts';

export interface KvpChannelOptions {
  /** The pool's file. Default: pool 1, `/var/lib/hyperv/.kvp_pool_1`. */
  path?: string;
  /** The VM's id, at most 36 bytes. Default: this VM's. */
  vmId?: string;
  /** Who writes, `name/version`; a name that is too long is cut. Default: this package. */
  agent?: string;
  /** Records that the pool may have, whoever wrote them. Default `1024`. */
  maxRecords?: number;
  /** Bytes of the queue, at least 4,096, rounded up to a power of two. Default 2 MiB. */
  queueBytes?: number;
  /** Empty a pool of an earlier boot when opening it. Default: `true` for the default pool, else `false`. */
  clearStale?: boolean;
  /**
   * `'queued'`: an emit only queues. `'write-through'`: it writes, in the caller's thread, unless somebody
   * holds a lock; for programs that are about to be killed. Default `'queued'`.
   */
  durability?: 'queued' | 'write-through';
  /** Hears of problems. Default: a line on stderr each. */
  onProblem?: ProblemHandler;
}

/** What a channel is opened with unless told otherwise. */
const DEFAULTS = {
  path: DEFAULT_POOL_PATH,
  agent: DEFAULT_AGENT,
  // libazureinit-kvp's HV_KVP_EXCHANGE_MAX_RECORDS
  maxRecords: 1024,
  queueBytes: 2 * 1024 * 1024,
  durability: 'queued',
} as const;

/** What the core counts in 32 bits. */
const MOST = 2 ** 31;
/** Milliseconds: for a flush unless it is told otherwise, for letting go of the pool, for a record once the process exits. */
const FLUSH_TIMEOUT = 5000;
const CLOSE_TIMEOUT = 100;
const EXIT_WRITE = 100;
/** Problems are told this long after an emit, in milliseconds. */
const WATCH = 1000;
/** Names and targets that are kept; a program that makes them up as it goes pays for them each time. */
const CACHED_MAX = 1024;
/** A flush of an idle disk takes less than so many turns of the event loop. */
const SPINS = 50;

/** Where, as whom and of which VM something is written. */
export interface PoolIdentity {
  readonly path: string;
  /** `name/version`, in 32 bytes. */
  readonly agent: string;
  readonly vmId: string;
  /** Whether what an earlier boot left there is to go. */
  readonly clearsStale: boolean;
}

/** The place that options name. Throws `OptionError`. */
export function poolIdentityOf(options: KvpChannelOptions): PoolIdentity {
  return {
    path: poolPath(options.path ?? DEFAULTS.path),
    agent: legalAgent(textOption('agent', options.agent ?? DEFAULTS.agent)),
    vmId: textOption('vmId', options.vmId ?? vmId({ onProblem: guarded(options.onProblem) })),
    clearsStale: options.clearStale ?? options.path === undefined,
  };
}

/** What an emitter writes through its channel. */
interface Use {
  layout: Pick<Layout, 'keyLayout' | 'dropReport'>;
  /** Whether starts are followed by finishes. */
  reservesFinishes: boolean;
}

/** A pool that is written to: opened by options, watched for problems, flushed at the exit. */
export class KvpChannel {
  readonly identity: PoolIdentity;
  /** The pool's file, from the root on. */
  readonly path: string;
  readonly writer: PoolWriter;
  readonly #nameMax: number;
  readonly #onProblem: ProblemHandler;
  readonly #forgetExit: () => void;
  readonly #names = new Map<string, RecordName>();
  #exiting = false;
  #watch: NodeJS.Timeout | undefined;
  #saidDropped = 0;
  #saidMissing = 0;
  #saidError: unknown;
  #shutdown: Promise<Outcome> | undefined;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(options: KvpChannelOptions, { layout, reservesFinishes }: Use) {
    this.#onProblem = guarded(options.onProblem);
    this.identity = poolIdentityOf(options);
    const { path, agent, vmId, clearsStale } = this.identity;
    this.path = resolve(path);
    const keys = layout.keyLayout(agent, vmId);
    this.#nameMax = keys.nameMax;
    const staleBefore = clearsStale ? bootTime() : undefined;
    this.writer = openWriter({
      path,
      keys,
      dropReport: layout.dropReport,
      reservesFinishes,
      maxRecords: countOption('maxRecords', options.maxRecords ?? DEFAULTS.maxRecords, 1, MOST),
      queueBytes: countOption('queueBytes', options.queueBytes ?? DEFAULTS.queueBytes, 4096, MOST),
      writeThrough: durabilityOf(options.durability ?? DEFAULTS.durability) === 'write-through',
      ...(staleBefore === undefined ? undefined : { staleBefore }),
    });
    this.#forgetExit = atExit((milliseconds) => this.#exit(milliseconds));
  }

  /** What stands in keys for a name. */
  named(name: string): RecordName {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const { text, full } = legalName(name, this.#nameMax);
    if (this.#names.size >= CACHED_MAX) return { handle: 0, name: text, full };
    const named = { handle: this.writer.name(text), name: text, full };
    this.#names.set(name, named);
    return named;
  }

  /** To be called after each emit. Once the process exits nothing waits any more: each record goes to the file at once. */
  written(): void {
    if (this.#exiting) this.writer.wait(Math.min(EXIT_WRITE, exitTimeLeft()));
    else this.#watch ??= setTimeout(this.#look, WATCH).unref();
  }

  /** Some time after an emit: whoever never flushes wants to hear of problems too. */
  readonly #look = (): void => {
    this.#watch = undefined;
    this.#outcome(true);
  };

  /** Resolves when everything emitted so far is in the pool, or at the deadline. */
  async flush({ timeout = FLUSH_TIMEOUT }: Deadline = {}): Promise<Outcome> {
    return this.#outcome(await drain(this.writer, timeout));
  }

  /** The same, with a last record that says what was dropped; then lets go of the pool. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= this.#end(deadline));
  }

  async #end({ timeout = FLUSH_TIMEOUT }: Deadline = {}): Promise<Outcome> {
    this.writer.requestDropReport();
    const complete = await drain(this.writer, timeout);
    this.writer.close(CLOSE_TIMEOUT);
    this.#forgetExit();
    clearTimeout(this.#watch);
    return this.#outcome(complete);
  }

  #exit(milliseconds: number): void {
    this.#exiting = true;
    this.writer.requestDropReport();
    const complete = this.writer.wait(milliseconds);
    // What could not be written in that time won't be: it is counted, and what comes later as well.
    if (!complete) this.writer.close(CLOSE_TIMEOUT);
    this.#outcome(complete);
  }

  #outcome(complete: boolean): Outcome {
    const { dropped, missing, lastError } = this.writer.stats();
    const counts = Object.entries(dropped).flatMap(([reason, levels]) =>
      Object.entries(levels).map(([level, count]) => ({ count, text: `${count} ${level} (${reason})` })),
    );
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    const problems: Error[] = [];
    if (lastError !== undefined && lastError.message !== this.#saidError) {
      this.#saidError = lastError.message;
      problems.push(lastError);
    }
    if (total > 0 && this.#saidDropped === 0) {
      problems.push(
        new DroppedError(
          `the pool misses ${total} ${total === 1 ? 'record' : 'records'}: ${counts.map(({ text }) => text).join(', ')}`,
        ),
      );
    }
    this.#saidDropped = total;
    if (missing > 0 && this.#saidMissing === 0) {
      problems.push(
        new DroppedError(
          `${missing} records are gone from the pool: it was cleared or deleted, or hv_kvp_daemon rewrote it meanwhile`,
        ),
      );
    }
    this.#saidMissing = missing;
    for (const problem of problems) this.#onProblem(problem);
    return { complete, dropped: total, problems };
  }

  /** What became of everything emitted. */
  stats(): WriterStats {
    return this.writer.stats();
  }
}

/** Polls, so that nothing calls from another thread into an environment that may be closing. */
async function drain(writer: PoolWriter, timeout: number): Promise<boolean> {
  const position = writer.position();
  const deadline = performance.now() + timeout;
  for (let turn = 0; !writer.isDrained(position); turn++) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => {
      if (turn < SPINS) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
  }
  return true;
}

function durabilityOf(given: unknown): string {
  if (given === 'queued' || given === 'write-through') return given;
  throw new OptionError('durability', given, "'queued' or 'write-through'");
}
