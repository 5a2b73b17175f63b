import type { ComponentChildren } from 'preact';
import type { PageSpan } from '../../page-model.ts';
import { durationText } from '../texts.ts';
import { percent, widthOf } from './axis.tsx';
import type { PageData } from './page-data.ts';
import { placeOf, type View } from './view.ts';

/** Marks of events that are drawn of a span. */
const MARKS_MAX = 80;
/** Colors that agents have, by their numbers. */
export const AGENT_COLORS = 5;

/** A bar with its marks and its label; positions are parts of the width, whose pixels say only where the label has room. */
export function SpanBar({
  data,
  number,
  view,
  width,
}: {
  data: PageData;
  number: number;
  view: View;
  width: number;
}) {
  const span = data.spans[number] as PageSpan;
  const { start, before } = span;
  const isBoth = data.head.isComparison;
  return (
    <svg class={isBoth ? 'bar both' : 'bar'} aria-hidden="true">
      {before && <Bar span={before} view={view} kind="before" y={17} height={5} />}
      {start !== undefined && (
        <Bar
          span={span}
          view={view}
          kind={span.result === 'fail' ? 'fail' : `agent-${span.agent % AGENT_COLORS}`}
          y={isBoth ? 4 : 7}
          height={12}
        />
      )}
      <Marks data={data} numbers={data.eventsOf.get(number)} view={view} />
      <Label span={span} view={view} width={width} />
    </svg>
  );
}

type Timed = Pick<PageSpan, 'start' | 'end' | 'state' | 'result' | 'isCritical'>;

/** How far a bar goes beyond the part that is seen, as a part of it, so that no end is seen there. */
const EDGE_OUT = 0.002;
const EDGE = 1 + EDGE_OUT;
/** The least width of a bar, as a part of what is seen: enough for its outline, because SVG draws nothing of no width. */
const WIDTH_MIN = 1e-5;

function edge(time: number, view: View): number {
  return Math.min(EDGE, Math.max(-EDGE_OUT, placeOf(time, view)));
}

function Bar({
  span,
  view,
  kind,
  y,
  height,
}: {
  span: Timed;
  view: View;
  kind: string;
  y: number;
  height: number;
}) {
  const { start = 0, end = start, state, result, isCritical } = span;
  const from = edge(start, view);
  if (from >= EDGE) return null;
  const middle = y + height / 2;
  if (state === 'unfinished') {
    return (
      <g class={`${kind} unfinished`}>
        <line x1={percent(from)} x2={percent(from)} y1={y - 1} y2={y + height + 1} />
        <line class="open" x1={percent(from)} x2="100%" y1={middle} y2={middle} />
      </g>
    );
  }
  const to = edge(Math.max(start, end), view);
  if (to <= -EDGE_OUT) return null;
  return (
    <g class={kind}>
      <rect
        x={percent(from)}
        y={y}
        width={percent(Math.max(WIDTH_MIN, to - from))}
        height={height}
        rx="1.5"
      />
      {isCritical && (
        <line class="critical" x1={percent(from)} x2={percent(to)} y1={y + height + 3} y2={y + height + 3} />
      )}
      {state === 'start-missing' && (
        <line class="missing" x1={percent(from)} x2={percent(from)} y1={y - 4} y2={y + height + 4} />
      )}
      {result === 'fail' && kind !== 'before' && to < EDGE && (
        <Mark at={to} class="end-fail">
          <path d={`M3 ${middle - 4}l8 8m0 -8l-8 8`} />
        </Mark>
      )}
    </g>
  );
}

/** A shape whose zero lies at a part of the width. */
function Mark({ at, class: kind, children }: { at: number; class: string; children: ComponentChildren }) {
  return (
    <svg x={percent(at)} overflow="visible" class={kind}>
      {children}
    </svg>
  );
}

/** Events, each at its moment. */
export function Marks({
  data,
  numbers,
  view,
}: {
  data: PageData;
  numbers: readonly number[] | undefined;
  view: View;
}) {
  if (numbers === undefined) return null;
  const drawn = new Map<string, { at: number; level: string }>();
  for (const i of numbers) {
    const { at, level = '' } = data.events[i] as { at: number; level?: string };
    const place = placeOf(at, view);
    if (place < 0 || place > 1) continue;
    const kind = level === 'ERROR' || level === 'WARN' ? level : '';
    // Of those that lie at the same place one is drawn.
    drawn.set(`${kind}${Math.round(place * 400)}`, { at: place, level: kind });
    if (drawn.size >= MARKS_MAX) break;
  }
  return (
    <>
      {Array.from(drawn.values(), ({ at, level }, i) => (
        <Mark key={i} at={at} class={`mark ${level.toLowerCase()}`}>
          <path
            d={
              level === ''
                ? 'M0 10l3 3l-3 3l-3 -3z'
                : level === 'WARN'
                  ? 'M0 8.5l4.2 8h-8.4z'
                  : 'M-4 9h8v8h-8z'
            }
          />
        </Mark>
      ))}
    </>
  );
}

/** What is written beside a bar. */
export function labelText({ change, state, seconds, isWall }: PageSpan): string {
  if (change === 'missing') return 'missing';
  if (state === 'unfinished') return 'did not end';
  const took = seconds === undefined ? '' : `${isWall ? '~' : ''}${durationText(seconds)}`;
  return state === 'start-missing' ? `${took} start missing`.trim() : took;
}

/** Pixels behind the axis that a label may use. */
const MARGIN = 12;

function Label({ span, view, width }: { span: PageSpan; view: View; width: number }) {
  const { start = span.before?.start ?? 0, state } = span;
  const isOpen = state === 'unfinished';
  const end = isOpen ? Infinity : (span.end ?? span.before?.end ?? start);
  const [from, to] = [placeOf(start, view), placeOf(Math.max(start, end), view)];
  const gap = span.result === 'fail' ? 16 : 6;
  return <BarLabel text={labelText(span)} from={from} to={to} gap={gap} width={width} isOpen={isOpen} />;
}

/**
 * A text on the right of a bar where it has room, else on the left, else in the bar, or above the line of one that is
 * open. Where it has room nowhere there is none: the row says it too.
 */
export function BarLabel({
  text,
  from,
  to,
  gap = 6,
  width,
  isOpen = false,
}: {
  text: string;
  from: number;
  to: number;
  gap?: number;
  width: number;
  isOpen?: boolean;
}) {
  if (from > 1 || to < 0) return null;
  const room = widthOf(text) + gap;
  if ((1 - to) * width + MARGIN >= room) {
    return (
      <text x={percent(to)} dx={gap} y="17">
        {text}
      </text>
    );
  }
  if (from * width >= room) {
    return (
      <text x={percent(from)} dx="-6" y="17" text-anchor="end">
        {text}
      </text>
    );
  }
  const start = Math.max(0, from);
  if ((Math.min(1, to) - start) * width < room) return null;
  return (
    <text class={isOpen ? '' : 'inside'} x={percent(start)} dx="6" y={isOpen ? 10 : 17}>
      {text}
    </text>
  );
}
