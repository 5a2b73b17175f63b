import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { PageSpan } from '../../page-model.ts';
import { percent } from './axis.tsx';
import { AGENT_COLORS } from './bars.tsx';
import type { PageData } from './page-data.ts';
import { type View, within, zoomed } from './view.ts';

/** Columns that spans are summed up in. */
const COLUMNS = 1000;
/** Lanes that have a line of their own; the others share the last one. */
const LANES_MAX = 8;
const LANE_HEIGHT = 6;
/** The least width of the frame around what the waterfall shows, as a part of the whole boot: it can be seen. */
const FRAME_MIN = 0.002;

/** The whole boot, with the part that the waterfall shows: a drag chooses one, or moves it; the wheel zooms. */
export function Minimap({
  data,
  view,
  onView,
}: {
  data: PageData;
  view: View;
  onView: (view: View) => void;
}) {
  const { length } = data.head;
  const element = useRef<SVGSVGElement>(null);
  const { lanes, failures } = useMemo(() => pathsOf(data), [data]);
  const agents = [...data.lanes.keys()];
  const momentAt = (clientX: number): number => {
    const { left, width } = (element.current as Element).getBoundingClientRect();
    return ((clientX - left) / Math.max(1, width)) * length;
  };
  useEffect(() => {
    const svg = element.current;
    if (svg === null) return undefined;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { left, width } = svg.getBoundingClientRect();
      const at = ((event.clientX - left) / Math.max(1, width)) * length;
      onView(zoomed(view, Math.exp(event.deltaY / 300), at, length));
    };
    svg.addEventListener('wheel', onWheel, { passive: false });
    return () => svg.removeEventListener('wheel', onWheel);
  }, [view, length, onView]);
  const onPointerDown = (down: PointerEvent): void => {
    if (down.button !== 0) return;
    down.preventDefault();
    const from = momentAt(down.clientX);
    const isWhole = view.from <= 0 && view.to >= length;
    const isMove = !isWhole && from > view.from && from < view.to;
    const onMove = ({ clientX }: PointerEvent): void => {
      const at = momentAt(clientX);
      if (isMove) {
        const start = Math.min(length - (view.to - view.from), Math.max(0, view.from + at - from));
        onView({ from: start, to: start + view.to - view.from });
      } else if (Math.abs(at - from) > length / 500) {
        onView(within({ from: Math.min(at, from), to: Math.max(at, from) }, length));
      }
    };
    const onUp = (): void => {
      removeEventListener('pointermove', onMove);
      removeEventListener('pointerup', onUp);
    };
    addEventListener('pointermove', onMove);
    addEventListener('pointerup', onUp);
  };
  const [from, to] = [view.from / length, view.to / length];
  return (
    <div class="minimap">
      <svg
        ref={element}
        class="map"
        viewBox={`0 0 ${COLUMNS} ${lanes.length * LANE_HEIGHT + 4}`}
        preserveAspectRatio="none"
        height={lanes.length * LANE_HEIGHT + 16}
        aria-hidden="true"
        onPointerDown={onPointerDown}
        onDblClick={() => onView({ from: 0, to: length })}
      >
        {lanes.map((path, i) => (
          <path key={i} class={`agent-${(agents[i] ?? 0) % AGENT_COLORS}`} d={path} />
        ))}
        <path class="fail" d={failures} />
      </svg>
      <svg class="frame" aria-hidden="true">
        <rect class="out" width={percent(from)} height="100%" />
        <rect class="out" x={percent(to)} width={percent(Math.max(0, 1 - to))} height="100%" />
        <rect class="in" x={percent(from)} width={percent(Math.max(FRAME_MIN, to - from))} height="100%" />
      </svg>
    </div>
  );
}

/** Where each lane has a span, and where something failed. */
function pathsOf(data: PageData): { lanes: string[]; failures: string } {
  const { lanes, spans, lasts, head } = data;
  const count = Math.min(LANES_MAX, Math.max(1, lanes.size));
  const covered = Array.from({ length: count }, () => new Uint8Array(COLUMNS));
  const column = (time: number): number =>
    Math.min(COLUMNS - 1, Math.max(0, Math.floor((time / head.length) * COLUMNS)));
  const failed = new Set<string>();
  [...lanes.values()].forEach((roots, lane) => {
    const row = Math.min(lane, count - 1);
    for (const root of roots) {
      for (let i = root; i <= (lasts[root] as number); i++) {
        const { start, end, state, result } = spans[i] as PageSpan;
        if (start === undefined) continue;
        const to = column(state === 'unfinished' ? start : (end ?? start));
        covered[row]?.fill(1, column(start), to + 1);
        if (result === 'fail') failed.add(`M${to} ${row * LANE_HEIGHT + 1}h3v${LANE_HEIGHT}h-3z`);
      }
    }
  });
  return { lanes: covered.map((cells, row) => runs(cells, row)), failures: [...failed].join('') };
}

function runs(cells: Uint8Array, row: number): string {
  let path = '';
  for (let i = 0; i < COLUMNS; i++) {
    if (cells[i] === 0) continue;
    const from = i;
    while (i < COLUMNS && cells[i] === 1) i++;
    path += `M${from} ${row * LANE_HEIGHT + 2}h${i - from}v${LANE_HEIGHT - 2}h${from - i}z`;
  }
  return path;
}
