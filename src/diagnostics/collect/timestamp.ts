import { Date } from '../../tracing/timers.ts';

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):([0-5]\d))$/;
const MINUTE = 60_000;

/** The most common form; parsing it without a regular expression takes a third of the time. */
const PLAIN = '0000-00-00T00:00:00.000Z';

/** The time of an RFC 3339 timestamp, to the millisecond; `undefined` for any other text. */
export function parseTimestamp(text: string): Date | undefined {
  if (isPlain(text)) {
    const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2)];
    const midnight = midnightOf(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
    if (midnight !== undefined && hour < 24 && minute < 60 && second < 60) {
      return new Date(midnight + ((hour * 60 + minute) * 60 + second) * 1000 + digits(text, 20, 3));
    }
  }
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, hours = '0', minutes = '0'] = match;
  // `Date` has no leap seconds: one counts as the second after it.
  const leap = second === '60';
  const seconds = leap ? 59 : Number(second);
  if (Number(hour) > 23 || Number(minute) > 59 || seconds > 59 || Number(hours) > 23) return undefined;
  const midnight = midnightOf(Number(year), Number(month), Number(day));
  if (midnight === undefined) return undefined;
  const clock = ((Number(hour) * 60 + Number(minute)) * 60 + seconds + (leap ? 1 : 0)) * 1000;
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -MINUTE : MINUTE);
  return new Date(midnight + clock + Number(fraction.slice(0, 3).padEnd(3, '0')) - offset);
}

function isPlain(text: string): boolean {
  if (text.length !== PLAIN.length) return false;
  for (let i = 0; i < PLAIN.length; i++) {
    const code = text.charCodeAt(i);
    const expected = PLAIN.charCodeAt(i);
    if (expected === 0x30 ? code < 0x30 || code > 0x39 : code !== expected) return false;
  }
  return true;
}

function digits(text: string, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) number = number * 10 + text.charCodeAt(i) - 0x30;
  return number;
}

const last = { year: 0, month: 0, day: 0, midnight: 0 };

/** When a day begins; `undefined` for one that is not in the calendar. The last is kept: a pool's records are of few days. */
function midnightOf(year: number, month: number, day: number): number | undefined {
  if (day === last.day && month === last.month && year === last.year) return last.midnight;
  const date = new Date(0);
  // Unlike Date.UTC this takes the years before 100 for what they are.
  date.setUTCFullYear(year, month - 1, day);
  // Date takes 30 February for 2 March.
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return undefined;
  Object.assign(last, { year, month, day, midnight: date.getTime() });
  return last.midnight;
}
