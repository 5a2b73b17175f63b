import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageSpan } from '../../page-model.ts';
import type { Zone } from '../texts.ts';
import { Axis, Backdrop } from './axis.tsx';
import { LaneRow, PhaseRow, SpanRow } from './row.tsx';
import type { PageData } from './page-data.ts';
import { Readout } from './readout.tsx';
import { type Row, rowKey } from './rows.ts';
import { useVirtual } from './use-virtual.ts';
import { moved, type View, within, zoomed } from './view.ts';

export interface WaterfallGiven {
  data: PageData;
  rows: readonly Row[];
  view: View;
  zone: Zone;
  selected: number | undefined;
  onView: (view: View) => void;
  onSelect: (span: number | undefined) => void;
  onToggle: (key: number, isOpen: boolean) => void;
  onZoomTo: (span: number) => void;
  /** All lines, were none collapsed. */
  allRows: () => readonly Row[];
  /** Opens what a span is in. */
  onOpen: (span: number) => void;
}

const ROW_HEIGHT = 26;
/** Pixels that a pointer moves before it chooses a time. */
const DRAG_MIN = 4;
/** Where the style has the details lie above the lines. */
const NARROW = '(max-width: 62rem)';

/** All spans on one time axis, in lanes of their agents. Only the lines that can be seen are drawn. */
export function Waterfall(given: WaterfallGiven) {
  const { data, rows, view, zone, selected, onView, onSelect, onToggle } = given;
  const { length } = data.head;
  const scroller = useRef<HTMLDivElement>(null);
  const bars = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  const [active, setActive] = useState<number | undefined>(selected);
  const [hovered, setHovered] = useState<number | undefined>(undefined);
  const [chosen, setChosen] = useState<View | undefined>(undefined);
  /** Whether the pointer chose a time; the click that comes of it means nothing. */
  const wasDrag = useRef(false);
  const virtual = useVirtual(scroller, rows.length, ROW_HEIGHT);
  const { reveal } = virtual;

  useLayoutEffect(() => {
    const element = bars.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const revealKey = useCallback(
    (key: number) => reveal(rows.findIndex((row) => rowKey(row) === key)),
    [rows, reveal],
  );
  useEffect(() => {
    if (selected === undefined) return;
    setActive(selected);
    // Where the details lie above the lines, the page moves until they leave the line free.
    requestAnimationFrame(() => {
      if (matchMedia(NARROW).matches)
        document.getElementById(`row${selected}`)?.scrollIntoView({ block: 'nearest' });
    });
  }, [selected]);
  useEffect(() => {
    if (active !== undefined) revealKey(active);
    // Lines that open or close move nothing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [active]);

  /** The moment below the pointer. */
  const momentAt = useCallback(
    (clientX: number): number => {
      const { left, width: size } = (bars.current as HTMLElement).getBoundingClientRect();
      return view.from + ((view.to - view.from) * (clientX - left)) / Math.max(1, size);
    },
    [view],
  );
  // A listener that may refuse the browser's own zoom must not be passive.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) {
        if (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
        event.preventDefault();
        onView(moved(view, (event.deltaX || event.deltaY) / 1000, length));
        return;
      }
      event.preventDefault();
      onView(zoomed(view, Math.exp(event.deltaY / 300), momentAt(event.clientX), length));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [view, length, momentAt, onView]);

  const onPointerDown = (down: PointerEvent): void => {
    wasDrag.current = false;
    if (down.button !== 0 || down.pointerType === 'touch' || !isIn(bars.current, down.clientX)) return;
    const from = momentAt(down.clientX);
    const viewOf = ({ clientX }: PointerEvent): View => {
      const to = momentAt(clientX);
      return { from: Math.min(from, to), to: Math.max(from, to) };
    };
    let isDrag = false;
    const onMove = (event: PointerEvent): void => {
      isDrag ||= Math.abs(event.clientX - down.clientX) >= DRAG_MIN;
      if (isDrag) setChosen(viewOf(event));
    };
    const onUp = (event: PointerEvent): void => {
      removeEventListener('pointermove', onMove);
      removeEventListener('pointerup', onUp);
      setChosen(undefined);
      wasDrag.current = isDrag;
      if (isDrag) onView(within(viewOf(event), length));
    };
    addEventListener('pointermove', onMove);
    addEventListener('pointerup', onUp);
  };

  const index = rows.findIndex((row) => rowKey(row) === active);
  const go = (to: number): void => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, to))];
    if (row === undefined) return;
    setActive(rowKey(row));
    reveal(rows.indexOf(row));
  };
  const goTo = (span: number): void => {
    given.onOpen(span);
    const to = rows.findIndex((row) => rowKey(row) === span);
    if (to >= 0) go(to);
    else setActive(span);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (onKey(event.key, event.shiftKey, rows[index], { index, go, goTo }, given)) event.preventDefault();
  };
  const isDrawn = index >= virtual.first && index < virtual.end;
  return (
    <div class="waterfall">
      <Readout data={data} zone={zone} row={rowOf(rows, hovered) ?? rows[index]} />
      <div class="columns head" aria-hidden="true">
        <div class="origin">
          {data.head.phases.length > 0 ? 'since the kernel started' : 'since the start'}
        </div>
        {data.head.isComparison && <div class="change">change</div>}
        <div ref={bars}>
          <Axis view={view} width={width} />
        </div>
      </div>
      <div class="body">
        <div class="columns under" aria-hidden="true">
          <div />
          {data.head.isComparison && <div class="change" />}
          <div>
            <Backdrop data={data} view={view} width={width} chosen={chosen} />
          </div>
        </div>
        <div
          class="scroller"
          ref={scroller}
          role="treegrid"
          aria-label="Spans"
          aria-rowcount={rows.length}
          aria-activedescendant={isDrawn ? idOf(rows[index] as Row) : undefined}
          tabIndex={0}
          onScroll={virtual.onScroll}
          onKeyDown={onKeyDown}
          onPointerDown={onPointerDown}
          onClickCapture={(event) => {
            if (wasDrag.current) event.stopPropagation();
            wasDrag.current = false;
          }}
          onPointerLeave={() => setHovered(undefined)}
          onDblClick={({ clientX }) => {
            if (isIn(bars.current, clientX)) onView({ from: 0, to: length });
          }}
        >
          <svg class="spacer" width="1" height={virtual.above} aria-hidden="true" />
          {rows.slice(virtual.first, virtual.end).map((row, i) => {
            const key = rowKey(row);
            const shared = {
              key,
              data,
              view,
              width,
              id: idOf(row),
              index: virtual.first + i,
              isActive: key === active,
              onToggle,
              onHover: () => setHovered(key),
            };
            if (row.kind === 'phase') return <PhaseRow {...shared} row={row} />;
            if (row.kind === 'lane') {
              return <LaneRow {...shared} row={row} onClick={() => setActive(key)} />;
            }
            return (
              <SpanRow
                {...shared}
                row={row}
                isSelected={row.span === selected}
                onClick={() => {
                  setActive(key);
                  onSelect(row.span);
                }}
              />
            );
          })}
          <svg class="spacer" width="1" height={virtual.below} aria-hidden="true" />
        </div>
        {rows.length === 0 && <p class="none">No span matches.</p>}
      </div>
    </div>
  );
}

function rowOf(rows: readonly Row[], key: number | undefined): Row | undefined {
  return key === undefined ? undefined : rows.find((row) => rowKey(row) === key);
}

function idOf(row: Row): string {
  return `row${rowKey(row)}`;
}

function isIn(element: Element | null, x: number): boolean {
  const { left = 0, right = 0 } = element?.getBoundingClientRect() ?? {};
  return x >= left && x <= right;
}

/** Where the keys are, and how they go elsewhere. */
interface Place {
  /** Of the line that keys are for; -1 without one. */
  index: number;
  go: (index: number) => void;
  /** Goes to a span that may be collapsed. */
  goTo: (span: number) => void;
}

/** Does what a key means; says whether it means anything. */
function onKey(
  key: string,
  isShift: boolean,
  row: Row | undefined,
  { index, go, goTo }: Place,
  { data, rows, view, selected, onView, onSelect, onToggle, onZoomTo, allRows }: WaterfallGiven,
): boolean {
  const { length } = data.head;
  const middle = (view.from + view.to) / 2;
  const span = row?.kind === 'span' ? (data.spans[row.span] as PageSpan) : undefined;
  const at = span?.start === undefined ? middle : Math.min(view.to, Math.max(view.from, span.start));
  const canOpen = row?.kind === 'lane' || (row?.kind === 'span' && row.hasChildren);
  const nextFailure = (): void => {
    const all = allRows();
    const here = row === undefined ? -1 : all.findIndex((each) => rowKey(each) === rowKey(row));
    const failed = all.flatMap((each, i) =>
      each.kind === 'span' && data.spans[each.span]?.result === 'fail' ? [{ i, span: each.span }] : [],
    );
    const next = failed.find(({ i }) => i > here) ?? failed[0];
    if (next !== undefined) goTo(next.span);
  };
  const actions: Record<string, () => void> = {
    ArrowDown: () => go(index + 1),
    ArrowUp: () => go(index - 1),
    PageDown: () => go(index + 15),
    PageUp: () => go(index - 15),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    ArrowRight: () => {
      if (isShift) onView(moved(view, 0.2, length));
      else if (row !== undefined && canOpen && 'isOpen' in row && !row.isOpen) onToggle(rowKey(row), true);
      else go(index + 1);
    },
    ArrowLeft: () => {
      if (isShift) onView(moved(view, -0.2, length));
      else if (row !== undefined && canOpen && 'isOpen' in row && row.isOpen) onToggle(rowKey(row), false);
      else if (row !== undefined) go(parentIndex(data, rows, row, index));
    },
    Enter: () => {
      if (row?.kind === 'span') onSelect(row.span);
      else if (row?.kind === 'lane') onToggle(rowKey(row), !row.isOpen);
    },
    ' ': () => actions['Enter']?.(),
    Escape: () => onSelect(undefined),
    '+': () => onView(zoomed(view, 0.5, at, length)),
    '=': () => onView(zoomed(view, 0.5, at, length)),
    '-': () => onView(zoomed(view, 2, at, length)),
    '0': () => onView({ from: 0, to: length }),
    z: () => {
      if (row?.kind === 'span') onZoomTo(row.span);
    },
    f: nextFailure,
  };
  if (!Object.hasOwn(actions, key) || (key === 'Escape' && selected === undefined)) return false;
  actions[key]?.();
  return true;
}

/** The line of what a span is in. */
function parentIndex(data: PageData, rows: readonly Row[], row: Row, index: number): number {
  if (row.kind !== 'span') return index;
  const { parent } = data.spans[row.span] as PageSpan;
  for (let i = index - 1; i >= 0; i--) {
    const each = rows[i] as Row;
    if (each.kind === 'lane' || (each.kind === 'span' && each.span === parent)) return i;
  }
  return index;
}
