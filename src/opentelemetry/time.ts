import type { HrTime } from '@opentelemetry/api';

const ORIGIN = split(performance.timeOrigin);

/** Less than this between the clocks, in milliseconds, is their resolution and drift, not a step. */
const STEP_MIN = 1000;

/**
 * By how many milliseconds the wall clock was set since the process started, as first boots do. A span
 * keeps what held when it began, so that its duration is always that of the monotonic clock.
 */
export function clockStep(): number {
  const step = Math.round(Date.now() - performance.timeOrigin - performance.now());
  return Math.abs(step) < STEP_MIN ? 0 : step;
}

/** Now, as seconds and nanoseconds: one float of both would lose the nanoseconds. */
export function hrTimeNow(step: number): HrTime {
  const [seconds, nanos] = split(performance.now() + step);
  const sum = ORIGIN[1] + nanos;
  const carry = Math.floor(sum / 1e9);
  return [ORIGIN[0] + seconds + carry, sum - carry * 1e9];
}

function split(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
