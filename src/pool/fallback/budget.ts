import { FINISH_EXTRA, LOST_MAX, SAFE_VALUE } from '../limits.ts';
import { type Entry, INFO, isFailure, WARN } from './frame.ts';

/**
 * What the budget says of an entry: there is no room for it (`refused`), or it may be written (`admitted`).
 * `reserved` is a finish that may be written because its start reserved room for it, which it takes up now.
 */
export type Verdict = 'refused' | 'admitted' | 'reserved';

/** How many records a pool may have after an entry of a level. */
interface LevelLimits {
  debug: number;
  info: number;
  warn: number;
}

/**
 * The room of a pool, shared out by level and reserved for the finishes of admitted starts; the counterpart
 * of budget.rs. TRACE and DEBUG may fill half of what was free when the pool was first seen, INFO nine tenths.
 * WARN, ERROR and failed finishes may fill all but one record, which stays free for the drop report. A start
 * reserves room for its finish.
 */
export class Budget {
  readonly #max: number;
  readonly #reservesFinishes: boolean;
  #limits: LevelLimits | undefined;
  /** How many records each admitted start has reserved for its finish. */
  readonly #reserved = new Map<string, number>();
  #reservedInAll = 0;
  /** The ids of finishes that were lost before their starts were admitted. */
  readonly #lost = new Set<string>();

  /** Starts reserve room only if the budget `reservesFinishes`; otherwise no finishes are expected. */
  constructor(maxRecords: number, reservesFinishes: boolean) {
    this.#max = maxRecords;
    this.#reservesFinishes = reservesFinishes;
  }

  /**
   * Decides whether an entry of `records` records may be written to a pool that has `used` records. When the
   * write failed, the entry may be asked for again; `before` is the verdict that it got then.
   */
  admits(entry: Entry, records: number, used: number, before?: Verdict): Verdict {
    const limits = (this.#limits ??= limitsOf(this.#max, used));
    const byLevel = entry.level <= WARN ? limits.warn : entry.level === INFO ? limits.info : limits.debug;
    let limit = byLevel;
    let alsoNeeded = 0;
    let wasReserved = false;
    if (entry.kind === 'start') alsoNeeded = this.#finishRecords(entry, records, before !== undefined);
    else if (entry.kind === 'finish') {
      wasReserved = this.#forget(entry.id) || before === 'reserved';
      if (wasReserved || isFailure(entry.seconds)) limit = limits.warn;
      // Its start was refused: it gets room only where both would.
      else if (this.#reservesFinishes) alsoNeeded = records;
    }
    if (used + records + alsoNeeded + this.#reservedInAll > limit) return 'refused';
    if (entry.kind === 'start' && alsoNeeded > 0) {
      this.#reserved.set(entry.id, alsoNeeded);
      this.#reservedInAll += alsoNeeded;
    }
    return wasReserved ? 'reserved' : 'admitted';
  }

  /** How many records a start reserves. Forgets what it reserved when it was asked for before. */
  #finishRecords({ id, payload }: Entry, records: number, isAskedAgain: boolean): number {
    const hadReserved = this.#forget(id);
    // A start that is asked for again and has nothing reserved needs nothing: its finish was lost meanwhile,
    // or is in the same batch and comes next.
    const needsRoom = isAskedAgain ? hadReserved : !this.#lost.delete(id);
    if (!this.#reservesFinishes || !needsRoom) return 0;
    return Math.max(records, Math.ceil((Buffer.byteLength(payload) + FINISH_EXTRA) / SAFE_VALUE));
  }

  /** Notes that the finish with this id will not come: its room is given back, or will not be reserved. */
  lose(id: string): void {
    if (!this.#forget(id) && this.#lost.size < LOST_MAX) this.#lost.add(id);
  }

  /** Whether the drop report still fits into a pool that has `used` records. */
  admitsDropReport(used: number): boolean {
    return used < this.#max;
  }

  /** Gives back the room reserved for a finish; says whether there was any. */
  #forget(id: string): boolean {
    this.#reservedInAll -= this.#reserved.get(id) ?? 0;
    return this.#reserved.delete(id);
  }
}

/** For a pool of at most `max` records that has `used` when it is first seen. */
function limitsOf(max: number, used: number): LevelLimits {
  const free = Math.max(0, max - used);
  const warn = Math.max(0, max - 1);
  return {
    debug: Math.min(warn, used + Math.floor(free / 2)),
    info: Math.min(warn, used + Math.floor((free * 9) / 10)),
    warn,
  };
}
