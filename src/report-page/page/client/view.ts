/** A part of the time axis, in milliseconds since the origin. */
export interface View {
  readonly from: number;
  readonly to: number;
}

/** The shortest time that fills the axis. */
const SPAN_MIN = 0.01;

/** A view that lies on an axis of a length. */
export function within(view: View, length: number): View {
  const span = Math.min(length, Math.max(SPAN_MIN, view.to - view.from));
  const from = Math.min(length - span, Math.max(0, view.from));
  return { from, to: from + span };
}

/** The view after a zoom, in which a moment stays where it is; a factor below 1 shows less time. */
export function zoomed(view: View, factor: number, at: number, length: number): View {
  return within({ from: at - (at - view.from) * factor, to: at + (view.to - at) * factor }, length);
}

/** The view moved by a share of what it shows. */
export function moved(view: View, share: number, length: number): View {
  const by = (view.to - view.from) * share;
  const from = Math.min(length - (view.to - view.from), Math.max(0, view.from + by));
  return { from, to: from + view.to - view.from };
}

/** Around a span, with some room. */
export function around(from: number, to: number, length: number): View {
  const room = Math.max((to - from) * 0.1, SPAN_MIN / 2);
  return within({ from: from - room, to: to + room }, length);
}

/** Where a moment is in a view, as a part of its width, kept near it. */
export function placeOf(time: number, { from, to }: View): number {
  return Math.min(1.2, Math.max(-0.2, (time - from) / (to - from)));
}

const MILLISECONDS = [
  ...[0.001, 0.01, 0.1, 1, 10, 100].flatMap((ten) => [ten, 2 * ten, 5 * ten]),
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000),
  ...[1, 2, 4, 6, 12].map((hours) => hours * 3_600_000),
  ...[1, 10, 100, 1000, 10_000, 100_000].flatMap((ten) => [1, 2, 5].map((days) => days * ten * 86_400_000)),
];

/** The moments of at most `most` ticks in a view, and how far they are apart. */
export function ticksOf({ from, to }: View, most: number): { times: number[]; step: number } {
  const step = MILLISECONDS.find((each) => (to - from) / each <= most) ?? Infinity;
  const times: number[] = [];
  if (!Number.isFinite(step)) return { times, step };
  for (let i = Math.ceil(from / step); i * step <= to; i++) times.push(i * step);
  return { times, step };
}

/** Units below a minute, in milliseconds. */
const UNITS = [
  [1000, 's'],
  [1, 'ms'],
  [0.001, 'µs'],
] as const;

/** The label of a tick among those up to `last` that are `step` apart: in one unit, and from a minute on in several. */
export function tickText(time: number, step: number, last: number): string {
  if (time === 0) return '0';
  const [size, unit] = UNITS.find(([each]) => last >= each) ?? UNITS[2];
  const decimals = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9)));
  const number = (amount: number): string => String(Number(amount.toFixed(decimals)));
  if (time < 60_000) return `${number(time / size)} ${unit}`;
  const minutes = Math.floor(time / 60_000);
  const parts = [
    [Math.floor(minutes / 1440), 'd'],
    [Math.floor(minutes / 60) % 24, 'h'],
    [minutes % 60, 'min'],
    [Number(number((time % 60_000) / 1000)), 's'],
  ] as const;
  return parts
    .filter(([amount]) => amount > 0)
    .map(([amount, name]) => `${amount} ${name}`)
    .join(' ');
}
