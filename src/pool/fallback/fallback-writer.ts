import { CutShortError, KvpError } from '../../errors.ts';
import { sleepSync } from '../../sleep-sync.ts';
import { dropReportPayload } from './drop-report.ts';
import { AppendLock } from './append-lock.ts';
import { Appender } from './appender.ts';
import { Batch, type Group } from './batch.ts';
import { Budget } from './budget.ts';
import { DropCounts } from './drop-counts.ts';
import { type Entry, Framer, isImportant, sizeOf, WARN } from './frame.ts';
import { PoolLock } from './pool-lock.ts';
import { checkKeyField } from '../key-layout.ts';
import { runAsync, runSync } from '../op.ts';
import { isOfOpening, isWaitedFor } from '../errno.ts';
import { panicked } from '../system-error.ts';
import type { DropReason, DropReport, PoolWriter, WriterOptions, WriterStats } from '../pool-writer.ts';
import { performance } from '../../tracing/performance.ts';
import { clearTimeout, setImmediate, setTimeout, wallMillis } from '../../tracing/timers.ts';

/** The most records of one write. It blocks the event loop, for about 0.2 ms with 256 records. */
const BATCH_MAX = 256;
/** The most entries that stay in the queue after they were taken. */
const TAKEN_MAX = 4096;
/** Milliseconds for which one turn of the event loop may write, and the lock is held. */
const TURN = 1;
/** Milliseconds from one turn to the next where nothing is left over and nobody waits: starting `flock` takes one or two of the event loop. */
const PACE = 50;
const NOTHING = Buffer.alloc(0);
/** The first pause and the longest, in milliseconds, while nothing can be written. Each is twice the one before. */
const PAUSE_MIN = 1;
const PAUSE_MAX = 100;

/**
 * The writer for systems on which the native core can't be loaded. It writes the same bytes, by one
 * `O_APPEND` write for each batch, in turns of the event loop. For a turn the program `flock` takes the lock, off
 * the event loop; where that program can't be run, nothing does. `hv_kvp_daemon` is not kept out.
 */
export class FallbackWriter implements PoolWriter {
  readonly backend = 'js';
  readonly #framer: Framer;
  readonly #dropReport: DropReport;
  readonly #lock: AppendLock;
  readonly #appender: Appender;
  readonly #budget: Budget;
  readonly #queueBytes: number;
  readonly #writeThrough: boolean;
  #queue: Entry[] = [];
  /** How many entries of the queue were taken. They are removed when they are many: that copies the rest. */
  #next = 0;
  #queuedBytes = 0;
  readonly #batch = new Batch(BATCH_MAX);
  #groups: Group[] = [];
  /** Entries and bytes that the batch took from the queue; they count as consumed once it is written or dropped. */
  #taken = { entries: 0, bytes: 0 };
  #consumed = 0;
  #accepted = 0;
  #queued = 0;
  #written = 0;
  #records = 0;
  readonly #dropped = new DropCounts();
  #reportedDrops = 0;
  #wantsDropReport = false;
  #closed = false;
  #scheduled = false;
  /** The next turn, while it waits only for its pace. */
  #pacer: NodeJS.Timeout | undefined;
  #turnedAt = -PACE;
  #pause = PAUSE_MIN;
  /** What is in the way; nothing is, as long as there was no time to try. */
  #obstacle: DropReason = 'closed';
  #lastError: KvpError | undefined;
  #cannotOpen = false;
  /** Whether another process held the lock when it was last asked for. */
  #isLockedOut = false;

  constructor(options: WriterOptions) {
    this.#framer = new Framer(options.keys);
    this.#dropReport = options.dropReport;
    checkKeyField('dropReport.name', options.dropReport.name, options.keys.nameMax);
    const lock = new PoolLock(options.path);
    this.#lock = new AppendLock(options.path, lock, (error) => (this.#lastError = error));
    this.#appender = new Appender(options.path, lock, options.staleBefore);
    this.#budget = new Budget(options.maxRecords, options.reservesFinishes);
    this.#queueBytes = options.queueBytes;
    this.#writeThrough = options.writeThrough;
    try {
      runSync(this.#appender.open());
    } catch (error) {
      if (!isWaitedFor(error)) throw error;
      this.#cannotOpen = true;
    }
  }

  name(): number {
    return 0;
  }

  start(_handle: number, level: number, payload: string, id: string, name: string): void {
    this.#add({ kind: 'start', level, time: wallMillis(), id, name, payload, seconds: 0 });
  }

  event(_handle: number, level: number, payload: string, name: string): void {
    this.#add({ kind: 'event', level, time: wallMillis(), id: '', name, payload, seconds: 0 });
  }

  finish(_handle: number, level: number, payload: string, id: string, name: string, seconds: number): void {
    this.#add({ kind: 'finish', level, time: wallMillis(), id, name, payload, seconds });
  }

  #add(entry: Entry): void {
    this.#accepted++;
    if (this.#closed) return this.#drop('closed', entry);
    const room = isImportant(entry) ? this.#queueBytes : this.#queueBytes * (7 / 8);
    const bytes = sizeOf(entry);
    if (this.#queuedBytes + bytes > room) return this.#drop('queue', entry);
    // Searching also flattens the text: one of several pieces costs the garbage collector more.
    if (entry.payload.includes('\0')) return this.#drop('invalid', entry);
    this.#queuedBytes += bytes;
    this.#queued++;
    this.#queue.push(entry);
    if (this.#writeThrough) while (this.#blockingTurn() && !this.#isIdle());
    if (!this.#scheduled && !this.#isIdle()) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    // Never what keeps the program alive: one that emits in `beforeExit` would not end. The exit hook writes the rest.
    this.#pacer = setTimeout(this.#turn, Math.max(0, this.#turnedAt + PACE - performance.now())).unref();
  }

  /** Somebody waits: the next turn comes now, unless it waits for more than its pace. */
  #hurry(): void {
    if (this.#pacer === undefined) return;
    clearTimeout(this.#pacer);
    this.#pacer = undefined;
    setImmediate(this.#turn);
  }

  /** Takes the lock off the event loop, then writes for a millisecond at most. */
  readonly #turn = async (): Promise<void> => {
    this.#pacer = undefined;
    if (this.#closed) return;
    let hasWritten = this.#isDone();
    // A blocking operation may come in while the lock is waited for.
    if (!hasWritten && this.#open()) {
      this.#turnedAt = performance.now();
      hasWritten = this.#writeLocked(await runAsync(this.#lock.take()));
    }
    if (this.#closed) return;
    this.#scheduled = !this.#isDone();
    if (!this.#scheduled) return;
    if (hasWritten) setImmediate(this.#turn);
    // Waiting for a lock or a pool must not keep the program alive. The exit hook tries once more.
    else setTimeout(this.#turn, this.#nextPause()).unref();
  };

  /** The same in one go; returns `false` if nothing can be written now. */
  #blockingTurn(): boolean {
    return this.#open() && this.#writeLocked(this.#lock.takeNow());
  }

  #open(): boolean {
    try {
      const wasOpen = this.#appender.isOpen;
      runSync(this.#appender.open());
      // Already while its lock is waited for: with a lock a flush has more patience.
      this.#cannotOpen &&= wasOpen;
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** Writes, if the lock was taken, and gives it back. */
  #writeLocked(isLocked: boolean): boolean {
    this.#isLockedOut = !isLocked;
    if (!isLocked) this.#blocked('lock');
    try {
      return isLocked && !this.#closed && this.#writeFor(TURN);
    } finally {
      this.#lock.release();
    }
  }

  /** Writes for so many milliseconds; returns `false` if nothing can be written now. */
  #writeFor(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    try {
      let hasWritten = this.#step();
      while (hasWritten && !this.#isDone() && performance.now() < until) hasWritten = this.#step();
      return hasWritten;
    } catch (thrown) {
      this.#lastError = panicked(this.#appender.path, thrown);
      if (this.#taken.entries === 0) this.#wantsDropReport = false;
      this.#dropBatch('io');
      return true;
    }
  }

  #isIdle(): boolean {
    return this.#next === this.#queue.length && this.#groups.length === 0;
  }

  #isDone(): boolean {
    if (!this.#isIdle()) return false;
    this.#wantsDropReport &&= this.#dropped.inAll > this.#reportedDrops;
    return !this.#wantsDropReport;
  }

  #nextPause(): number {
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, PAUSE_MAX);
    return pause;
  }

  /** Writes one batch; returns `false` if that is not possible now. */
  #step(): boolean {
    if (this.#groups.length === 0) this.#fill();
    if (this.#groups.length === 0 && this.#taken.entries > 0) {
      // All entries were rejected by the framer or refused by the budget.
      this.#forgetBatch();
      return true;
    }
    if (this.#groups.length === 0) return this.#isDone() || this.#writeDropReport();
    const written = this.#append((used) => {
      this.#admit(used);
      return this.#batch.bytes;
    });
    if (!written) return false;
    this.#written += this.#groups.length;
    this.#records += this.#batch.length;
    this.#forgetBatch();
    return true;
  }

  #forgetBatch(): void {
    this.#queuedBytes -= this.#taken.bytes;
    this.#consumed += this.#taken.entries;
    this.#taken = { entries: 0, bytes: 0 };
    this.#groups = [];
    this.#batch.truncate(0);
  }

  #dropBatch(reason: DropReason): void {
    for (const { entry } of this.#groups) this.#drop(reason, entry);
    this.#forgetBatch();
  }

  #append(choose: (used: number) => Buffer): boolean {
    try {
      const attempt = runSync(this.#appender.append(choose));
      const isDone = typeof attempt === 'object';
      // If nobody holds a lock, the disk was too slow for what is left.
      this.#blocked(isDone ? 'io' : 'lock');
      if (isDone) this.#pause = PAUSE_MIN;
      return isDone;
    } catch (error) {
      if (!(error instanceof KvpError)) throw error;
      this.#failed(error);
      if (error instanceof CutShortError) this.#dropBatch('io');
      return false;
    }
  }

  #failed(error: unknown): void {
    this.#lastError = error as KvpError;
    this.#blocked('io', isOfOpening(error));
  }

  #blocked(by: DropReason, cannotOpen = false): void {
    this.#obstacle = by;
    this.#cannotOpen = cannotOpen;
  }

  /** Frames what is in the queue, up to a full batch. */
  #fill(): void {
    while (this.#next < this.#queue.length && this.#batch.length < BATCH_MAX) {
      const entry = this.#queue[this.#next++] as Entry;
      const group: Group = { entry, first: this.#batch.length, records: 0, verdict: undefined };
      this.#taken.entries++;
      this.#taken.bytes += sizeOf(entry);
      this.#groups.push(group);
      const records = this.#framer.frame(entry, this.#batch);
      if (typeof records === 'number') group.records = records;
      else {
        this.#groups.pop();
        this.#drop(records, entry);
      }
    }
    if (this.#next < TAKEN_MAX && this.#next < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#next);
    this.#next = 0;
  }

  /** Drops from the batch the entries for which the pool has no room. */
  #admit(used: number): void {
    let kept = 0;
    this.#groups = this.#groups.filter((group) => {
      const { entry, first, records } = group;
      group.verdict = this.#budget.admits(entry, records, used + kept, group.verdict);
      if (group.verdict === 'refused') {
        this.#drop('budget', entry);
        return false;
      }
      if (first !== kept) this.#batch.moveBack(first, kept, records);
      group.first = kept;
      kept += records;
      return true;
    });
    this.#batch.truncate(kept);
  }

  /** Appends the drop report. */
  #writeDropReport(): boolean {
    const dropped = this.#dropped.inAll;
    const report = new Batch(1);
    const { name, style } = this.#dropReport;
    const time = wallMillis();
    const payload = dropReportPayload(style, dropped, this.#dropped.byReason, time);
    this.#framer.frame({ kind: 'event', level: WARN, time, id: '', name, payload, seconds: 0 }, report);
    const written = this.#append((used) => (this.#budget.admitsDropReport(used) ? report.bytes : NOTHING));
    if (!written) return false;
    this.#reportedDrops = dropped;
    this.#wantsDropReport = false;
    return true;
  }

  #drop(reason: DropReason, { kind, id, level }: Entry): void {
    this.#dropped.add(reason, level);
    // The budget has forgotten the start of a finish that it refused.
    if (kind === 'finish' && reason !== 'budget') this.#budget.lose(id);
  }

  position(): number {
    return this.#queued;
  }

  isDrained(position: number): boolean {
    const isDrained = this.#closed || (this.#consumed >= position && !this.#wantsDropReport);
    if (!isDrained) this.#hurry();
    return isDrained;
  }

  cannotOpen(): boolean {
    return this.#cannotOpen;
  }

  requestLook(): void {
    runSync(this.#appender.look());
  }

  requestDropReport(): void {
    this.#wantsDropReport = true;
    if (!this.#scheduled && !this.#closed) this.#schedule();
    else this.#hurry();
  }

  wait(milliseconds: number): boolean {
    const deadline = performance.now() + milliseconds;
    while (!this.#closed && !this.#isDone()) {
      const wrote = this.#blockingTurn();
      // A write may have taken longer than all the time there was.
      if (performance.now() >= deadline) return this.#closed || this.#isDone();
      if (!wrote) sleepSync(Math.min(this.#nextPause(), 10));
    }
    return true;
  }

  close(milliseconds: number): void {
    if (this.#closed) return;
    const deadline = performance.now() + milliseconds;
    while (performance.now() < deadline && !this.#isDone() && this.#blockingTurn());
    // Where the lock can't be had in time: the kernel keeps an append whole without it.
    if ((this.#isLockedOut || this.#lock.isSlow) && !this.#isDone() && this.#writeFor(TURN))
      this.#lock.sayWithout('it can not be had in time');
    this.#closed = true;
    this.#wantsDropReport = false;
    this.#dropBatch(this.#obstacle);
    for (const entry of this.#queue.slice(this.#next)) this.#drop(this.#obstacle, entry);
    this.#consumed = this.#queued;
    this.#queuedBytes = 0;
    this.#queue = [];
    this.#next = 0;
    runSync(this.#appender.close());
  }

  stats(): WriterStats {
    const stats: WriterStats = {
      backend: this.backend,
      accepted: this.#accepted,
      written: this.#written,
      records: this.#records,
      missing: this.#appender.missing,
      queuedBytes: this.#queuedBytes,
      dropped: this.#dropped.byReason,
    };
    return this.#lastError === undefined ? stats : { ...stats, lastError: this.#lastError };
  }
}
