import { type Entry, isFailure } from './frame.ts';
import { WARN } from './limits.ts';

/**
 * Which entries a pool still has room for: the twin of budget.rs. TRACE and DEBUG may fill half of what
 * was left when the pool was first seen, INFO nine tenths, the rest is for WARN, ERROR and failed
 * finishes; one record stays free for the account of what was dropped. A start reserves its finish.
 */
export class Budget {
  readonly #max: number;
  #limits: { debug: number; info: number; rest: number } | undefined;
  readonly #openSpans = new Set<string>();

  constructor(maxRecords: number) {
    this.#max = maxRecords;
  }

  /** Whether an entry of `records` records may be written to a pool that has `used`. */
  admits(entry: Entry, records: number, used: number): boolean {
    const { debug, info, rest } = (this.#limits ??= this.#limitsAt(used));
    const byLevel = entry.level <= WARN ? rest : entry.level === WARN + 1 ? info : debug;
    if (entry.kind === 'start') {
      const fits = used + records + this.#openSpans.size + 1 <= byLevel;
      if (fits) this.#openSpans.add(entry.id);
      return fits;
    }
    const urgent = entry.kind === 'finish' && (this.#openSpans.delete(entry.id) || isFailure(entry.seconds));
    return used + records + this.#openSpans.size <= (urgent ? rest : byLevel);
  }

  /** Whether the account of what was dropped still fits. */
  admitsAccount(used: number): boolean {
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
