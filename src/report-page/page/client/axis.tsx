import type { PageData } from './page-data.ts';
import { placeOf, tickText, ticksOf, type View } from './view.ts';

/** A part of a width, as an attribute. */
export function percent(part: number): string {
  return `${(part * 100).toFixed(3)}%`;
}

/** The labels of the time axis: on the right of their ticks; the last one on the left where it has room only there. */
export function Axis({ view, width }: { view: View; width: number }) {
  const { times, step } = ticksOf(view, Math.max(2, Math.floor(width / 90)));
  /** Where the label before ends, in pixels. */
  let used = 0;
  return (
    <svg class="axis" aria-hidden="true">
      {times.map((time) => {
        const place = placeOf(time, view);
        const text = tickText(time, step, view.to);
        const room = widthOf(text) + TICK_GAP;
        const isRight = place * width + room <= width;
        if (!isRight && place * width - room < used) return null;
        used = place * width + room;
        return (
          <text
            key={time}
            x={percent(place)}
            y="14"
            dx={isRight ? TICK_GAP : -TICK_GAP}
            text-anchor={isRight ? undefined : 'end'}
          >
            {text}
          </text>
        );
      })}
    </svg>
  );
}

/** Pixels between a tick and its label. */
const TICK_GAP = 4;

/** Pixels that a label takes, rather too many. */
export function widthOf(label: string): number {
  return label.length * 7;
}

/** The shortest gap that is drawn, as a part of the view. */
const GAP_MIN = 1 / 1000;

/** The gaps that can be seen; a pool may have thousands. */
function seenGaps({ head }: PageData, { from, to }: View): readonly View[] {
  const least = (to - from) * GAP_MIN;
  return head.gaps.filter((gap) => gap.to > from && gap.from < to && gap.to - gap.from >= least);
}

/** What lies behind or above all lines: the grid, the gaps, and the time that is being chosen. */
export function Backdrop({
  data,
  view,
  width,
  chosen,
}: {
  data: PageData;
  view: View;
  width: number;
  chosen: View | undefined;
}) {
  const { times } = ticksOf(view, Math.max(2, Math.floor(width / 90)));
  const band = ({ from, to }: View): { x: string; width: string } => {
    const start = placeOf(from, view);
    return { x: percent(start), width: percent(Math.max(0, placeOf(to, view) - start)) };
  };
  return (
    <svg class="backdrop" aria-hidden="true">
      <defs>
        <pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="2" height="8" />
        </pattern>
      </defs>
      {seenGaps(data, view).map((gap, i) => (
        <rect key={i} class="gap" {...band(gap)} height="100%" fill="url(#hatch)" />
      ))}
      {times.map((time) => {
        const x = percent(placeOf(time, view));
        return <line key={time} x1={x} x2={x} y1="0" y2="100%" />;
      })}
      {chosen && <rect class="chosen" {...band(chosen)} height="100%" />}
    </svg>
  );
}
