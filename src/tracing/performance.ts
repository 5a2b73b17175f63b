import { uptimeMillis, wallMillis } from './timers.ts';

const { hrtime } = process;

/** The monotonic clock, in milliseconds. Like `timers.ts` it is no fake one. */
export const performance: { readonly now: () => number } = {
  now: isClock(bootMillis) ? bootMillis : uptimeMillis,
};

/** The clock of `node:perf_hooks`, whose loading takes a twentieth of the time in which Node.js starts. */
function bootMillis(): number {
  const time = hrtime();
  return time[0] * 1e3 + time[1] / 1e6;
}

/** When the monotonic clock was 0, in milliseconds since 1970: to the microsecond, unless only a fake one would say it. */
export function timeOrigin(): number {
  const precise = process.getBuiltinModule('node:perf_hooks').performance;
  const now = precise.now.bind(precise);
  const [wall, origin] = isClock(now) ? [now, precise.timeOrigin] : [wallMillis, 0];
  return origin + wall() - performance.now();
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
