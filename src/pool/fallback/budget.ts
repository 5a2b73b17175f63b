import { type Entry, isFailure } from './frame.ts';
import { SAFE_VALUE, WARN } from '../limits.ts';

/** What the budget says of an entry; `kept`: room was kept for it, and no longer is. */
export type Verdict = 'refused' | 'admitted' | 'kept';

/** A finish repeats its start's fields and adds times and trace ids, in so many bytes at most. */
const FINISH_EXTRA = 200;
/** So many lost finishes are remembered, lest a queue that is full for ever fills the memory instead. */
const LOST_MAX = 4096;

/**
 * Which entries a pool still has room for: the twin of budget.rs. TRACE and DEBUG may fill half of what
 * was left when the pool was first seen, INFO nine tenths, the rest is for WARN, ERROR and failed
 * finishes; one record stays free for the report of what was dropped. A start keeps room for its finish.
 */
export class Budget {
  readonly #max: number;
  readonly #reservesFinishes: boolean;
  #limits: { debug: number; info: number; rest: number } | undefined;
  /** Of starts that were written: the records kept for their finishes. */
  readonly #kept = new Map<string, number>();
  #keptInAll = 0;
  /** Of spans whose finish is lost before their start was admitted. */
  readonly #lost = new Set<string>();

  /** Unless it `reservesFinishes`, starts are never followed by any. */
  constructor(maxRecords: number, reservesFinishes: boolean) {
    this.#max = maxRecords;
    this.#reservesFinishes = reservesFinishes;
  }

  /**
   * Whether an entry of `records` records may be written to a pool that has `used`. May be asked again for
   * one that could not be written, with what was said of it `before`.
   */
  admits(entry: Entry, records: number, used: number, before?: Verdict): Verdict {
    const { debug, info, rest } = (this.#limits ??= this.#limitsAt(used));
    const byLevel = entry.level <= WARN ? rest : entry.level === WARN + 1 ? info : debug;
    if (entry.kind === 'start') {
      this.#forget(entry.id);
      const needed = used + records + this.#keptInAll;
      if (!this.#reservesFinishes || this.#lost.delete(entry.id))
        return needed <= byLevel ? 'admitted' : 'refused';
      const bytes = Buffer.byteLength(entry.payload);
      const forFinish = Math.max(records, Math.ceil((bytes + FINISH_EXTRA) / SAFE_VALUE));
      if (needed + forFinish > byLevel) return 'refused';
      this.#kept.set(entry.id, forFinish);
      this.#keptInAll += forFinish;
      return 'admitted';
    }
    const wasKept = entry.kind === 'finish' && (this.#forget(entry.id) || before === 'kept');
    const needed = used + records + this.#keptInAll;
    let fits = needed <= byLevel;
    if (entry.kind === 'finish') {
      // A success whose start was not written: no more room for it than a start would need.
      const forStart = this.#reservesFinishes ? records : 0;
      fits = wasKept || isFailure(entry.seconds) ? needed <= rest : needed + forStart <= byLevel;
    }
    if (!fits) return 'refused';
    return wasKept ? 'kept' : 'admitted';
  }

  /** Gives back what was kept, or will not keep anything, for a finish that was lost on its way. */
  lose(id: string): void {
    if (!this.#forget(id) && this.#lost.size < LOST_MAX) this.#lost.add(id);
  }

  #forget(id: string): boolean {
    this.#keptInAll -= this.#kept.get(id) ?? 0;
    return this.#kept.delete(id);
  }

  /** Whether the report of what was dropped still fits. */
  admitsDropReport(used: number): boolean {
    return used < this.#max;
  }

  #limitsAt(used: number): { debug: number; info: number; rest: number } {
    const left = Math.max(0, this.#max - used);
    return {
      debug: used + Math.floor(left / 2),
      info: used + Math.floor((left * 9) / 10),
      rest: Math.max(0, this.#max - 1),
    };
  }
}
