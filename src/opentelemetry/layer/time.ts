import type { HrTime } from '@opentelemetry/api';
import { performance, wallMillis } from '../../tracing/timers.ts';

const TIME_ORIGIN = performance.timeOrigin;
const ORIGIN = split(TIME_ORIGIN);

/** Less than this between the clocks, in milliseconds, is their resolution and drift, not a step. */
const STEP_MIN = 1000;

/**
 * By how many milliseconds the wall clock was set since the process started, as first boots do. A span
 * keeps what held when it began, so that its duration is always that of the monotonic clock.
 */
export function clockStep(now = performance.now()): number {
  const step = Math.round(wallMillis() - TIME_ORIGIN - now);
  return Math.abs(step) < STEP_MIN ? 0 : step;
}

/** Now, as seconds and nanoseconds: one float of both would lose the nanoseconds. */
export function hrTimeNow(step: number, now = performance.now()): HrTime {
  const time = split(now + step);
  time[0] += ORIGIN[0];
  time[1] += ORIGIN[1];
  if (time[1] >= 1e9) {
    time[0] += Math.floor(time[1] / 1e9);
    time[1] %= 1e9;
  }
  return time;
}

function split(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
