import { uptimeMillis, wallMillis } from './timers.ts';

/** How far the monotonic clock may drift from the wall clock before it is set anew, in milliseconds. */
const DRIFT_MAX = 2;

/** The least time between two comparisons of the clocks, in milliseconds: a burst of events reads only one clock. */
const COMPARED_EVERY = 1;

let offset = wallMillis() - uptimeMillis();
let comparedAt = 0;

/**
 * Microseconds since 1970. `Date` has only milliseconds, and `performance.timeOrigin` stays as it is when the clock is
 * set, as happens early at boot. So the monotonic clock adds the microseconds to the wall clock.
 */
export function wallMicros(): number {
  const now = uptimeMillis();
  if (now - comparedAt >= COMPARED_EVERY) {
    comparedAt = now;
    const wall = wallMillis();
    if (Math.abs(now + offset - wall) > DRIFT_MAX) offset = wall - now;
  }
  return Math.floor((now + offset) * 1000);
}
