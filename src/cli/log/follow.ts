import { messageOf } from '../../errors.ts';
import { performance } from '../../tracing/performance.ts';
import { setTimeout } from '../../tracing/timers.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printError, printNote } from '../output.ts';
import { problemText } from '../problem-text.ts';
import { type LogItem, merged } from './log-item.ts';
import type { PoolFollower } from './pool-follower.ts';
import { ReaderWatch } from './reader-watch.ts';

/** How often pools are looked at, in milliseconds. */
const INTERVAL = 250;
/** Reading takes at most one part in so many of the time. */
const SHARE = 4;

/**
 * Has `write` print what is new in pools, those of one look merged by time, until nobody reads stdout. Throws what is
 * wrong with a pool at the first look; later it is said once, and the pool is waited for.
 */
export async function follow(
  followers: readonly PoolFollower[],
  write: (items: LogItem[]) => Promise<void>,
  options: GlobalOptions,
): Promise<void> {
  const reader = new ReaderWatch();
  const said = new Map<PoolFollower, string>();
  for (let isFirst = true; !reader.isGone; isFirst = false) {
    const started = performance.now();
    const logs: LogItem[][] = [];
    for (const follower of followers) {
      try {
        const { items, problems } = await follower.news();
        said.delete(follower);
        logs.push(items);
        for (const problem of problems) printNote(problemText(problem, follower.path), options);
      } catch (thrown) {
        if (isFirst) throw thrown;
        const message = messageOf(thrown);
        if (said.get(follower) !== message) printError(thrown, options.debug);
        said.set(follower, message);
      }
    }
    await write(merged(logs));
    const took = performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, Math.max(INTERVAL, took * SHARE)));
  }
}
