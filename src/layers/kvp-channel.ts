import { dirname } from 'node:path';
import type { Layout, RecordName } from '../diagnostics/layout.ts';
import { legalName } from '../diagnostics/write/legal-name.ts';
import { DroppedError, errorOf, KvpError } from '../errors.ts';
import { staleBefore } from '../pool/boot-time.ts';
import { isNotFound } from '../pool/errno.ts';
import { openWriter } from '../pool/open-writer.ts';
import type { PoolWriter, WriterStats } from '../pool/pool-writer.ts';
import { hasWritten, rememberWritten } from '../pool/written-pools.ts';
import { CHANNEL_DEFAULTS, type KvpChannelOptions } from './channel-options.ts';
import { type PoolIdentity, poolIdentityOf } from './pool-identity.ts';
import { othersIn } from './pool-shares.ts';
import { atExit, exitTimeLeft } from '../tracing/at-exit.ts';
import { BoundedCache } from '../tracing/bounded-cache.ts';
import { cutName } from '../tracing/value.ts';
import { type Deadline, type Outcome, withinDeadline } from '../tracing/layer.ts';
import type { Verbosity } from '../tracing/level.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';
import { performance } from '../tracing/performance.ts';
import { clearTimeout, setImmediate, setTimeout } from '../tracing/timers.ts';

/** How long closing the writer waits, in milliseconds. */
const CLOSE_TIMEOUT = 100;
/** The delay between an emit and the check for problems, in milliseconds. */
const CHECK_DELAY = 1000;
/** How long a flush, a shutdown or an exit waits for a pool that can't be opened, in milliseconds; a running program waits on. */
const OPEN_TIMEOUT = 200;
/** How many turns of the event loop a flush polls without a pause. On an idle disk it ends earlier. */
const TURNS_MAX = 50;

/** The format of what a channel writes. */
interface Written {
  layout: Pick<Layout, 'keyLayout' | 'dropReport'>;
  /** Whether starts are followed by finishes, for which room is kept. */
  reservesFinishes: boolean;
}

/** A pool that is open for writing: watched for problems, flushed when the process exits. */
export class KvpChannel {
  readonly identity: PoolIdentity;
  readonly #writer: PoolWriter;
  readonly #nameMax: number;
  readonly #onProblem: ProblemHandler;
  readonly #cancelAtExit: () => void;
  /** The core never releases the handle of a name: if this cache is full, the name is passed as text. */
  readonly #names = new BoundedCache<RecordName>({ whenFull: 'refuse' });
  #isExiting = false;
  /** Whether the process exits and nothing is written any more. */
  #isOver = false;
  /** Whether something was emitted after that. */
  #isLate = false;
  #check: NodeJS.Timeout | undefined;
  /** What was reported last: each problem is reported once. */
  readonly #reported: { error: string | undefined; dropped: number; missing: number } = {
    error: undefined,
    dropped: 0,
    missing: 0,
  };
  /** When it was said that the pool can't be opened; `undefined` once it can. */
  #missedSince: number | undefined;
  #missingAtFlush = 0;
  #shutdown: Promise<Outcome> | undefined;

  /**
   * Takes options that were checked. Throws `FieldError`, `NotAPoolFileError` or `IoError`; a pool that can't be opened
   * yet is waited for.
   */
  constructor(options: KvpChannelOptions, { layout, reservesFinishes }: Written) {
    this.#onProblem = guardedHandler(options.onProblem);
    this.identity = poolIdentityOf(options);
    const { path, agent, vmId, clearsStale } = this.identity;
    const keys = layout.keyLayout(agent, vmId);
    this.#nameMax = keys.nameMax;
    const before = clearsStale && !hasWritten(path) ? staleBefore() : undefined;
    this.#writer = openWriter({
      path,
      keys,
      dropReport: layout.dropReport,
      reservesFinishes,
      maxRecords: options.maxRecords ?? CHANNEL_DEFAULTS.maxRecords,
      queueBytes: options.queueBytes ?? CHANNEL_DEFAULTS.queueBytes,
      writeThrough: (options.durability ?? CHANNEL_DEFAULTS.durability) === 'write-through',
      ...(before === undefined ? undefined : { staleBefore: before }),
    });
    this.#cancelAtExit = atExit((milliseconds, isLast) => {
      if (isLast) this.#exit();
      else this.#wait(milliseconds);
    });
  }

  /** The form of a name that is used in the keys of records. */
  recordName(name: string): RecordName {
    return (
      this.#names.get(name) ??
      this.#names.add(name, (own, isKept) => {
        const { text, full } = legalName(cutName(own), this.#nameMax);
        return { handle: isKept ? this.#writer.name(text) : 0, text, full };
      })
    );
  }

  /** Writes the start of a span; its finish must have the same name and id. */
  start({ handle, text }: RecordName, level: Verbosity, payload: string, id: string): void {
    this.#writer.start(handle, level, payload, id, text);
    this.#emitted();
  }

  /** Writes an event, which gets an id of its own. */
  event({ handle, text }: RecordName, level: Verbosity, payload: string): void {
    this.#writer.event(handle, level, payload, text);
    this.#emitted();
  }

  /** Writes the finish of a span that took `seconds`; without an `id` the record gets a new one. */
  finish(
    { handle, text }: RecordName,
    level: Verbosity,
    payload: string,
    id: string,
    failed: boolean,
    seconds: number,
  ): void {
    // To the writer negative seconds mean that the span failed.
    this.#writer.finish(handle, level, payload, id, text, failed ? -seconds : seconds);
    this.#emitted();
  }

  /** While the process exits, nothing runs later: each record is written at once. Otherwise problems are looked for later. */
  #emitted(): void {
    if (this.#isExiting) this.#writeAtExit();
    else this.#check ??= setTimeout(this.#checkLater, CHECK_DELAY).unref();
  }

  /** Reports problems to a program that never flushes. */
  readonly #checkLater = (): void => {
    this.#check = undefined;
    // What still waits, for a lock perhaps, may be refused later.
    const waits = !this.#writer.isDrained(this.#writer.position());
    this.#report(true, false);
    if (waits || this.#missedSince !== undefined)
      this.#check ??= setTimeout(this.#checkLater, CHECK_DELAY).unref();
  };

  /** Resolves when everything emitted so far is in the pool, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return withinDeadline(deadline, async ({ timeout }) => {
      this.#writer.requestLook();
      return this.#outcome(await this.#drain(timeout), false);
    });
  }

  /** Flushes, with a last record that says what was dropped, and closes the pool. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= withinDeadline(deadline, ({ timeout }) => this.#end(timeout)));
  }

  async #end(timeout: number): Promise<Outcome> {
    this.#writer.requestLook();
    this.#writer.requestDropReport();
    const isComplete = await this.#drain(timeout);
    this.#writer.close(CLOSE_TIMEOUT);
    if (this.stats().records > 0) rememberWritten(this.identity.path);
    this.#cancelAtExit();
    clearTimeout(this.#check);
    return this.#outcome(isComplete, true);
  }

  /** The outcome of a flush. It is not complete if records went missing since the last one. */
  #outcome(isDrained: boolean, isLast: boolean): Outcome {
    const outcome = this.#report(isDrained, isLast);
    const { missing } = this.#writer.stats();
    if (missing === this.#missingAtFlush) return outcome;
    this.#missingAtFlush = missing;
    const gone = goneError(missing);
    const isSaid = outcome.problems.some(({ message }) => message === gone.message);
    return { ...outcome, complete: false, problems: isSaid ? outcome.problems : [...outcome.problems, gone] };
  }

  #exit(): void {
    this.#isExiting = true;
    this.#writer.requestLook();
    this.#writer.requestDropReport();
    this.#writeAtExit();
    if (!this.#isOver) this.#report(true, true);
  }

  /** Writes, or closes when there is no time left: closing counts unwritten and later records as dropped. */
  #writeAtExit(): void {
    if (this.#isOver) {
      if (!this.#isLate) this.#report(false, true);
      this.#isLate = true;
      return;
    }
    const left = exitTimeLeft() - CLOSE_TIMEOUT;
    if (left > 0 && this.#wait(left)) return;
    // This may be the last call: what still waits would be lost unsaid.
    this.#isOver = true;
    this.#writer.close(Math.min(CLOSE_TIMEOUT, exitTimeLeft()));
    this.#report(false, true);
  }

  /** Blocks until everything emitted so far is written, but at most for `milliseconds`; returns whether it is. */
  #wait(milliseconds: number): boolean {
    const patience = Math.min(milliseconds, OPEN_TIMEOUT);
    if (this.#writer.wait(patience)) return true;
    const rest = milliseconds - patience;
    return rest > 0 && !this.#writer.cannotOpen() && this.#writer.wait(rest);
  }

  /** Waits until everything emitted so far is written; polls, so that no other thread calls into a closing environment. */
  async #drain(timeout: number): Promise<boolean> {
    const position = this.#writer.position();
    const started = performance.now();
    for (let turn = 0; !this.#writer.isDrained(position); turn++) {
      const patience = this.#writer.cannotOpen() ? Math.min(timeout, OPEN_TIMEOUT) : timeout;
      if (performance.now() - started >= patience) return false;
      await new Promise((resolve) => {
        if (turn < TURNS_MAX) setImmediate(resolve);
        else setTimeout(resolve, 1);
      });
    }
    return true;
  }

  /** Tells `onProblem` of problems that are new, and makes the outcome of a flush. If the flush is incomplete, the outcome repeats the error that blocks it. */
  #report(complete: boolean, isLast: boolean): Outcome {
    const stats = this.#writer.stats();
    const dropped = totalOf(stats);
    const error = this.#explained(stats);
    const problems = this.#newProblems(stats, error, dropped, isLast);
    for (const problem of problems) this.#onProblem(problem);
    const isInTheWay = !complete && error !== undefined && !problems.includes(error);
    if (isInTheWay) problems.unshift(error);
    if (!isLast) this.#followOpening(stats);
    return { complete, dropped, problems };
  }

  #newProblems(
    { lastError, dropped, missing }: WriterStats,
    error: KvpError | undefined,
    total: number,
    isLast: boolean,
  ): Error[] {
    const problems: Error[] = [];
    const reported = this.#reported;
    if (lastError !== undefined && error !== undefined && lastError.message !== reported.error) {
      reported.error = lastError.message;
      problems.push(error);
    }
    if (total > 0 && (reported.dropped === 0 || (isLast && total > reported.dropped))) {
      const records = total === 1 ? 'record' : 'records';
      const why = lastError !== undefined && dropped.io !== undefined ? `: ${lastError.message}` : '';
      // A disk in trouble is not read.
      const isReadable = dropped.io === undefined && !this.#writer.cannotOpen();
      const others = dropped.budget !== undefined && isReadable ? othersIn(this.identity) : undefined;
      const what = droppedText(dropped, others);
      const later =
        this.#isOver && dropped.closed !== undefined
          ? '; what is emitted while the process exits is lost, too'
          : '';
      problems.push(new DroppedError(`the pool misses ${total} ${records}: ${what}${why}${later}`));
    }
    if (missing > 0 && (reported.missing === 0 || (isLast && missing > reported.missing))) {
      problems.push(goneError(missing));
    }
    reported.dropped = total;
    if (reported.missing === 0 || isLast) reported.missing = missing;
    return problems;
  }

  /** Says once that a pool that was said to be missing can be opened; that is no problem of the flush that sees it. */
  #followOpening({ lastError }: WriterStats): void {
    if (this.#writer.cannotOpen()) {
      if (lastError !== undefined) this.#missedSince ??= performance.now();
    } else if (this.#missedSince !== undefined) {
      const seconds = ((performance.now() - this.#missedSince) / 1000).toFixed(1);
      this.#missedSince = undefined;
      const message = `the pool ${this.identity.path} can be opened now, ${seconds} s after it was first said that it can not`;
      this.#onProblem(new KvpError('ERR_KVP_POOL_OPENED', message, { path: this.identity.path }));
    }
  }

  /** The last error; where the pool can't be opened, with what is done about it. */
  #explained({ lastError }: WriterStats): KvpError | undefined {
    if (lastError === undefined || !this.#writer.cannotOpen()) return lastError;
    const why = isNotFound(lastError)
      ? `the folder ${dirname(this.identity.path)} is missing; it is waited for while the program runs, and usually made by hv_kvp_daemon (is it installed? Debian: apt-get install hyperv-daemons)`
      : 'the pool can not be opened, which is tried again while the program runs';
    const { code, errno, syscall, path } = lastError;
    return errorOf(code, `${why}: ${lastError.message}`, { errno, syscall, path, cause: lastError });
  }

  /** What became of everything emitted. */
  stats(): WriterStats {
    const stats = this.#writer.stats();
    const lastError = this.#explained(stats);
    return lastError === undefined ? stats : { ...stats, lastError };
  }
}

function totalOf({ dropped }: WriterStats): number {
  let total = 0;
  for (const levels of Object.values(dropped)) for (const count of Object.values(levels)) total += count;
  return total;
}

function goneError(missing: number): Error {
  const records = missing === 1 ? 'record is' : 'records are';
  return new DroppedError(
    `${missing} ${records} gone from the pool: it was deleted, cleared, renamed or mounted over, or a program without our lock rewrote it meanwhile`,
  );
}

/** How many records were dropped at which level and why: `3 INFO (queue), 1 WARN (io)`; `others` spent the budget. */
function droppedText(dropped: WriterStats['dropped'], others: string | undefined): string {
  return Object.entries(dropped)
    .flatMap(([reason, levels]) =>
      Object.entries(levels).map(
        ([level, count]) =>
          `${count} ${level} (${reason === 'budget' && others !== undefined ? others : reason})`,
      ),
    )
    .join(', ');
}
