import { Date, performance, wallMillis } from './timers.ts';

/** How far the two clocks may drift apart before they are compared anew, in milliseconds. */
const DRIFT_MAX = 2;

/** How often they are compared at most, in milliseconds: a burst of events asks one clock only. */
const COMPARED_EVERY = 1;

let offset = wallMillis() - performance.now();
let comparedAt = 0;

/**
 * Microseconds since 1970. `Date` alone has milliseconds and `performance.timeOrigin` never hears of a
 * clock that is set, as happens early at boot: so the one is refined by the other.
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

/** Three digits each; V8 takes ten times as long to spell a number that it has not met lately. */
const DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

let second = -1;
let secondText = '';

/** RFC 3339 in UTC with microseconds, `2024-01-02T03:04:05.678901Z`. */
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
