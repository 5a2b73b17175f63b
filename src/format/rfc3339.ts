import { Date } from '../tracing/timers.ts';

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
