import type { HrTime } from '@opentelemetry/api';
import { performance, timeOrigin } from '../../tracing/performance.ts';
import { wallMillis } from '../../tracing/timers.ts';

const TIME_ORIGIN = timeOrigin();
const ORIGIN = split(TIME_ORIGIN);

/** Clocks that differ by less than this, in milliseconds, drifted; the wall clock was not set. */
const STEP_MIN = 1000;

/**
 * By how many milliseconds the wall clock was set since the process started; a first boot sets it. A span keeps the
 * step of its start, so that its duration is measured by the monotonic clock.
 */
export function clockStep(now = performance.now()): number {
  const step = Math.round(wallMillis() - TIME_ORIGIN - now);
  return Math.abs(step) < STEP_MIN ? 0 : step;
}

/** The time now, in seconds and nanoseconds: a single number would lose the nanoseconds. */
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
