import { Level, LEVELS } from '../../tracing/level.ts';
import type { Dropped, DropReason } from '../pool-writer.ts';

const REASONS = ['queue', 'budget', 'too_large', 'invalid', 'lock', 'io', 'closed'] as const;

/** Counts dropped entries by reason and level; the counterpart of stats.rs. */
export class DropCounts {
  readonly #counts: Dropped = {};
  #inAll = 0;

  add(reason: DropReason, level: number): void {
    this.#inAll++;
    const counts = (this.#counts[reason] ??= {});
    const name = LEVELS[level - 1] ?? Level.ERROR;
    counts[name] = (counts[name] ?? 0) + 1;
  }

  get inAll(): number {
    return this.#inAll;
  }

  /** With reasons and levels in a fixed order. */
  get byReason(): Dropped {
    const counts: Dropped = {};
    for (const reason of REASONS) {
      const levels = LEVELS.flatMap((level) => {
        const count = this.#counts[reason]?.[level];
        return count === undefined ? [] : [[level, count]];
      });
      if (levels.length > 0) counts[reason] = Object.fromEntries(levels) as Record<Level, number>;
    }
    return counts;
  }
}
