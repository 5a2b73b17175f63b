import { threeDigits } from '../tracing/digits.ts';
import { Date } from '../tracing/timers.ts';

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
  return `${secondText}${threeDigits(milliseconds)}${threeDigits(rest - milliseconds * 1000)}Z`;
}
