import type { HrTime } from '@opentelemetry/api';
import { performance, timeOrigin } from '../../tracing/performance.ts';
import { wallMillis } from '../../tracing/timers.ts';

const TIME_ORIGIN = timeOrigin();
const ORIGIN = split(TIME_ORIGIN);

/** Clocks that differ by less than this, in milliseconds, drifted; the wall clock was not set. */
const STEP_MIN = 1000;

/** The least time between two comparisons of the clocks, in milliseconds: a burst of spans reads only one clock. */
const COMPARED_EVERY = 1;

let comparedAt = -Infinity;
let step = 0;

/**
 * By how many milliseconds the wall clock was set since the process started; a first boot sets it. A span keeps the
 * step of its start, so that its duration is measured by the monotonic clock. `now` is the time by that.
 */
export function clockStep(now = performance.now()): number {
  if (now - comparedAt < COMPARED_EVERY) return step;
  comparedAt = now;
  const off = Math.round(wallMillis() - TIME_ORIGIN - now);
  step = Math.abs(off) < STEP_MIN ? 0 : off;
  return step;
}

/** The time now, in seconds and nanoseconds: a single number would lose the nanoseconds. */
export function hrTimeNow(step: number): HrTime {
  return hrTimeOf(performance.now(), step);
}

/** A time of the monotonic clock as that of the wall clock. */
export function hrTimeOf(monotonic: number, step: number): HrTime {
  const time = split(monotonic + step);
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
