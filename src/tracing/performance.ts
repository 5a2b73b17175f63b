import { performance as nodePerformance } from 'node:perf_hooks';
import { uptimeMillis, wallMillis } from './timers.ts';

/** The monotonic clock, in milliseconds; when it was 0, in milliseconds since 1970. Like `timers.ts` it is no fake one. */
export const performance: { readonly now: () => number; readonly timeOrigin: number } = monotonic();

function monotonic(): { now: () => number; timeOrigin: number } {
  const now = nodePerformance.now.bind(nodePerformance);
  if (isClock(now)) return { now, timeOrigin: nodePerformance.timeOrigin };
  return { now: uptimeMillis, timeOrigin: wallMillis() - uptimeMillis() };
}

/** Whether it goes on by itself; two looks at the real one may be too close to differ. */
function isClock(now: () => unknown): boolean {
  try {
    const first = now();
    for (let look = 0; look < 1000; look++) {
      const next = now();
      if (typeof first !== 'number' || typeof next !== 'number') return false;
      if (next > first) return true;
    }
  } catch {
    // A fake one.
  }
  return false;
}
