import { withoutInvisible } from '../../printable.ts';

export { durationText } from '../../format/duration-text.ts';

/** In whose time moments are told. */
export type Zone = 'utc' | 'local';

const NOT_ASCII = /[^ -~]/;

/** Whether a text is of printable ASCII alone, as most are. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** A text of the pool, with what can't be seen escaped. */
export function visible(text: string): string {
  return isAscii(text) ? text : withoutInvisible(text);
}

/** The same of a text of several lines, which stay lines. */
export function visibleLines(text: string): string {
  return text.split(/\r?\n/).map(visible).join('\n');
}

/** Milliseconds since the origin: `+21.250 s`. */
export function offsetText(milliseconds: number): string {
  return `${milliseconds < 0 ? '−' : '+'}${(Math.abs(milliseconds) / 1000).toFixed(3)} s`;
}

/** A part of a whole: `12.6 %`. What ran side by side may have more than the whole. */
export function shareText(share: number): string {
  if (share > 1.005) return 'side by side';
  if (share > 0 && share < 0.001) return '< 0.1 %';
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** A moment, with its zone: `2026-08-31 12:00:08.200 UTC`. */
export function momentText(time: number, zone: Zone): string {
  return `${dayText(time, zone)} ${clockText(time, zone)} ${zoneText(time, zone)}`;
}

export function isoText(time: number): string {
  return isTime(time) ? new Date(time).toISOString() : '';
}

/** The time of the day: `12:00:08.200`. */
export function clockText(time: number, zone: Zone): string {
  if (!isTime(time)) return '?';
  if (zone === 'utc') return new Date(time).toISOString().slice(-13, -1);
  const date = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function dayText(time: number, zone: Zone): string {
  if (!isTime(time)) return '';
  const offset = zone === 'utc' ? 0 : new Date(time).getTimezoneOffset() * 60_000;
  return new Date(time - offset).toISOString().slice(0, -14);
}

function zoneText(time: number, zone: Zone): string {
  if (zone === 'utc' || !isTime(time)) return 'UTC';
  const minutes = -new Date(time).getTimezoneOffset();
  const size = Math.abs(minutes);
  const clock = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return `UTC${minutes < 0 ? '−' : '+'}${clock}`;
}

/** The last moment that a `Date` knows, less a day for zones. */
const TIME_MAX = 8.64e15 - 86_400_000;

function isTime(time: number): boolean {
  return Math.abs(time) <= TIME_MAX;
}

/** The value of a field on one line; a text as it is. */
export function fieldText(value: unknown): string {
  return visible(typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value)));
}

/** `20,000`; not by `toLocaleString`, for which Node.js reads its table of languages, longer than all else here takes. */
export function numberText(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 span`, `20,000 spans`. */
export function counted(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
