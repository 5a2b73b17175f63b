import { performance } from './performance.ts';
import { Date, wallMillis } from './timers.ts';

/** How far the monotonic clock may drift from the wall clock before it is set anew, in milliseconds. */
const DRIFT_MAX = 2;

/** The least time between two comparisons of the clocks, in milliseconds: a burst of events reads only one clock. */
const COMPARED_EVERY = 1;

let offset = wallMillis() - performance.now();
let comparedAt = 0;

/**
 * Microseconds since 1970. `Date` has only milliseconds, and `performance.timeOrigin` stays as it is when the clock is
 * set, as happens early at boot. So the monotonic clock adds the microseconds to the wall clock.
 */
export function wallMicros(): number {
  const now = performance.now();
  if (now - comparedAt >= COMPARED_EVERY) {
    comparedAt = now;
    const wall = wallMillis();
    if (Math.abs(now + offset - wall) > DRIFT_MAX) offset = wall - now;
  }
  return Math.floor((now + offset) * 1000);
}

/** The numbers below 1,000 with three digits. V8 takes ten times as long to format a number that it did not format lately. */
const DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

let second = -1;
let secondText = '';

/** Microseconds since 1970 as RFC 3339 in UTC, `2024-01-02T03:04:05.678901Z`. */
export function rfc3339Micros(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  if (seconds !== second) {
    second = seconds;
    secondText = new Date(seconds * 1000).toISOString().slice(0, -4);
  }
  const rest = micros - seconds * 1e6;
  const milliseconds = Math.floor(rest / 1000);
  return `${secondText}${DIGITS[milliseconds]}${DIGITS[rest - milliseconds * 1000]}Z`;
}
