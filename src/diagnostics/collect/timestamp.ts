import { Date } from '../../tracing/timers.ts';

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):([0-5]\d))$/;
const MINUTE = 60_000;

/** The time of an RFC 3339 timestamp, to the millisecond; `undefined` for any other text. */
export function parseTimestamp(text: string): Date | undefined {
  return parsePlain(text) ?? parseAny(text);
}

/** The length of `2026-08-31T12:00:00.000Z`, and of what in it names the minute. */
const PLAIN = 24;
const MINUTE_END = 17;

/** The last minute that was parsed: a pool's records are of few minutes. */
const lastMinute = { text: '1970-01-01T00:00:', time: 0 };

/** The time of a timestamp in the most common form, of a minute that may be the last one's; `undefined` for others. */
export function parsePlain(text: string): Date | undefined {
  if (text.length !== PLAIN || text[19] !== '.' || text[23] !== 'Z') return undefined;
  if (!text.startsWith(lastMinute.text)) {
    const minute = text.slice(0, MINUTE_END);
    const time = parseAny(`${minute}00Z`)?.getTime();
    if (time === undefined || minute[10] !== 'T') return undefined;
    Object.assign(lastMinute, { text: minute, time });
  }
  const second = digit(text, 17) * 10 + digit(text, 18);
  const fraction = (digit(text, 20) * 10 + digit(text, 21)) * 10 + digit(text, 22);
  // No digit is NaN.
  return second < 60 && fraction < 1000 ? new Date(lastMinute.time + second * 1000 + fraction) : undefined;
}

/** The value of a digit; NaN if it is none. */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30;
  return value >= 0 && value <= 9 ? value : Number.NaN;
}

function parseAny(text: string): Date | undefined {
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
