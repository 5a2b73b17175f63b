import { CutShortError, type KvpError } from '../../errors.ts';
import { sleepSync } from '../../sleep-sync.ts';
import { Level, LEVELS } from '../../tracing/level.ts';
import { dropReportPayload } from './drop-report.ts';
import { Appender } from './appender.ts';
import { Batch } from './batch.ts';
import { Budget, type Verdict } from './budget.ts';
import { type Entry, Framer, isImportant, WARN } from './frame.ts';
import { checkKeyField } from '../key-layout.ts';
import { runSync } from '../op.ts';
import { isNotFound } from '../sys.ts';
import type {
  Dropped,
  DropReason,
  DropReport,
  PoolWriter,
  WriterOptions,
  WriterStats,
} from '../pool-writer.ts';
import { performance, setImmediate, setTimeout, wallMillis } from '../../tracing/timers.ts';

/** The most records of one write. It blocks the event loop, for about 0.2 ms with 256 records. */
const BATCH_MAX = 256;
const REASONS = ['queue', 'budget', 'too_large', 'invalid', 'lock', 'io', 'closed'] as const;
/** Bytes of memory that an entry takes besides its texts. */
const ENTRY_BYTES = 120;
/** The most entries that stay in the queue after they were taken. */
const TAKEN_MAX = 4096;
/** Milliseconds for which one turn of the event loop may write. */
const TURN = 1;
const NOTHING = Buffer.alloc(0);
/**
 * The first pause and the longest, in milliseconds, while a lock or a folder is waited for. Each is twice
 * the one before.
 */
const PAUSE_MIN = 1;
const PAUSE_MAX = 100;

/** An entry and its records in the batch. */
interface Group {
  entry: Entry;
  first: number;
  records: number;
  /** The budget's verdict before a write that failed; `undefined` if it was not asked yet. */
  verdict: Verdict | undefined;
}

/**
 * The writer for systems on which the native core can't be loaded. It writes the same bytes, by one
 * `O_APPEND` write for each batch, in turns of the event loop. It takes no lock, so `hv_kvp_daemon` can write at the same time.
 */
export class FallbackWriter implements PoolWriter {
  readonly backend = 'js';
  readonly #framer: Framer;
  readonly #dropReport: DropReport;
  readonly #appender: Appender;
  readonly #budget: Budget;
  readonly #queueBytes: number;
  readonly #writeThrough: boolean;
  #queue: Entry[] = [];
  /**
   * How many entries of the queue were taken. They are removed when they are many, because that copies the
   * rest.
   */
  #next = 0;
  #queuedBytes = 0;
  readonly #batch = new Batch(BATCH_MAX);
  #groups: Group[] = [];
  /**
   * How many entries and bytes of the queue the batch took. They count as consumed once the batch is
   * written or dropped.
   */
  #taken = { entries: 0, bytes: 0 };
  #consumed = 0;
  #accepted = 0;
  #queued = 0;
  #written = 0;
  #records = 0;
  readonly #dropped: Dropped = {};
  #droppedInAll = 0;
  #reportedDrops = 0;
  #wantsDropReport = false;
  #closed = false;
  #scheduled = false;
  #pause = PAUSE_MIN;
  #obstacle: DropReason = 'lock';
  #lastError: KvpError | undefined;
  #missesFolder = false;

  constructor(options: WriterOptions) {
    this.#framer = new Framer(options.keys);
    this.#dropReport = options.dropReport;
    checkKeyField('dropReport.name', options.dropReport.name, options.keys.nameMax);
    this.#appender = new Appender(options.path, options.staleBefore);
    this.#budget = new Budget(options.maxRecords, options.reservesFinishes);
    this.#queueBytes = options.queueBytes;
    this.#writeThrough = options.writeThrough;
    try {
      runSync(this.#appender.open());
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#missesFolder = true;
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
    // Searching the text also flattens it. The garbage collector would spend more on a text of several
    // pieces.
    if (entry.payload.includes('\0')) return this.#drop('invalid', entry);
    this.#queuedBytes += bytes;
    this.#queued++;
    this.#queue.push(entry);
    if (this.#writeThrough) while (this.#step() && !this.#isIdle());
    if (!this.#scheduled && !this.#isIdle()) {
      this.#scheduled = true;
      setImmediate(this.#turn);
    }
  }

  /** Writes for a millisecond at most. */
  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#closed) return;
    const until = performance.now() + TURN;
    let done = this.#step();
    while (done && !this.#isIdle() && performance.now() < until) done = this.#step();
    if (this.#isDone()) return;
    this.#scheduled = true;
    if (done) setImmediate(this.#turn);
    // Waiting for a lock or a folder must not keep the program alive. The exit hook tries once more.
    else setTimeout(this.#turn, this.#nextPause()).unref();
  };

  #isIdle(): boolean {
    return this.#next === this.#queue.length && this.#groups.length === 0;
  }

  #isDone(): boolean {
    return this.#isIdle() && !this.#wantsDropReport;
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
    if (this.#groups.length === 0) return !this.#wantsDropReport || this.#writeDropReport();
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
      this.#obstacle = isDone ? 'io' : 'lock';
      this.#missesFolder = false;
      if (isDone) this.#pause = PAUSE_MIN;
      return isDone;
    } catch (error) {
      this.#obstacle = 'io';
      this.#lastError = error as KvpError;
      this.#missesFolder = isNotFound(error);
      if (error instanceof CutShortError) this.#dropBatch('io');
      return false;
    }
  }

  /** Frames what is in the queue, up to a full batch. */
  #fill(): void {
    const before = this.#next;
    while (this.#next < this.#queue.length && this.#batch.length < BATCH_MAX) {
      const entry = this.#queue[this.#next++] as Entry;
      const first = this.#batch.length;
      const records = this.#framer.frame(entry, this.#batch);
      if (typeof records === 'number') this.#groups.push({ entry, first, records, verdict: undefined });
      else this.#drop(records, entry);
      this.#taken.bytes += sizeOf(entry);
    }
    this.#taken.entries += this.#next - before;
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

  /** Appends the drop report, unless nothing was dropped since the last one. */
  #writeDropReport(): boolean {
    const dropped = this.#droppedInAll;
    if (dropped > this.#reportedDrops) {
      const report = new Batch(1);
      const { name, style } = this.#dropReport;
      const time = wallMillis();
      const payload = dropReportPayload(style, dropped, this.#counts(), time);
      this.#framer.frame({ kind: 'event', level: WARN, time, id: '', name, payload, seconds: 0 }, report);
      const written = this.#append((used) => (this.#budget.admitsDropReport(used) ? report.bytes : NOTHING));
      if (!written) return false;
      this.#reportedDrops = dropped;
    }
    this.#wantsDropReport = false;
    return true;
  }

  #drop(reason: DropReason, { kind, id, level }: Entry): void {
    this.#droppedInAll++;
    const counts = (this.#dropped[reason] ??= {});
    const name = LEVELS[level - 1] ?? Level.ERROR;
    counts[name] = (counts[name] ?? 0) + 1;
    // The budget has forgotten the start of a finish that it refused.
    if (kind === 'finish' && reason !== 'budget') this.#budget.lose(id);
  }

  /** The counts of dropped entries, with reasons and levels in a fixed order. */
  #counts(): Dropped {
    const counts: Dropped = {};
    for (const reason of REASONS) {
      const levels = LEVELS.flatMap((level) => {
        const count = this.#dropped[reason]?.[level];
        return count === undefined ? [] : [[level, count]];
      });
      if (levels.length > 0) counts[reason] = Object.fromEntries(levels) as Record<Level, number>;
    }
    return counts;
  }

  position(): number {
    return this.#queued;
  }

  isDrained(position: number): boolean {
    return this.#closed || (this.#consumed >= position && !this.#wantsDropReport);
  }

  missesFolder(): boolean {
    return this.#missesFolder;
  }

  requestDropReport(): void {
    this.#wantsDropReport = true;
    if (!this.#scheduled && !this.#closed) {
      this.#scheduled = true;
      setImmediate(this.#turn);
    }
  }

  wait(milliseconds: number): boolean {
    const deadline = performance.now() + milliseconds;
    while (!this.#closed && !this.#isDone()) {
      const wrote = this.#step();
      // A write may have taken longer than all the time there was.
      if (performance.now() >= deadline) return this.#closed || this.#isDone();
      if (!wrote) sleepSync(Math.min(this.#nextPause(), 10));
    }
    return true;
  }

  close(milliseconds: number): void {
    if (this.#closed) return;
    const deadline = performance.now() + milliseconds;
    while (performance.now() < deadline && this.#step() && !this.#isDone());
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
      dropped: this.#counts(),
    };
    return this.#lastError === undefined ? stats : { ...stats, lastError: this.#lastError };
  }
}

function sizeOf(entry: Entry): number {
  return entry.payload.length + entry.name.length + ENTRY_BYTES;
}
