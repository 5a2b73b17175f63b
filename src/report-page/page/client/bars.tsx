import type { ComponentChildren } from 'preact';
import type { PageSpan } from '../../page-model.ts';
import { durationText } from '../texts.ts';
import { percent } from './axis.tsx';
import type { PageData } from './page-data.ts';
import { placeOf, type View } from './view.ts';

/** Marks of events that are drawn of a span. */
const MARKS_MAX = 80;
/** Colors that agents have, by their numbers. */
export const AGENT_COLORS = 5;

/** A bar with its marks and its label; positions are parts of the width, so that nothing is drawn anew when it changes. */
export function SpanBar({ data, number, view }: { data: PageData; number: number; view: View }) {
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
      <Label span={span} view={view} />
    </svg>
  );
}

type Timed = Pick<PageSpan, 'start' | 'end' | 'state' | 'result' | 'isCritical'>;

/** How far a bar goes beyond the part that is seen, as a part of it, so that no end is seen there. */
const EDGE_OUT = 0.002;
const EDGE = 1 + EDGE_OUT;

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
      <rect x={percent(from)} y={y} width={percent(to - from)} height={height} rx="1.5" />
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

function Label({ span, view }: { span: PageSpan; view: View }) {
  const { start = span.before?.start ?? 0, state } = span;
  const end = state === 'unfinished' ? Infinity : (span.end ?? span.before?.end ?? start);
  const [from, to] = [placeOf(start, view), placeOf(Math.max(start, end), view)];
  if (from > 1 || to < 0) return null;
  const text = labelText(span);
  const gap = span.result === 'fail' ? 16 : 6;
  if (to < 0.86) {
    return (
      <text x={percent(to)} dx={gap} y="17">
        {text}
      </text>
    );
  }
  if (from > 0.14) {
    return (
      <text x={percent(from)} dx="-6" y="17" text-anchor="end">
        {text}
      </text>
    );
  }
  return (
    <text
      class={state === 'unfinished' ? '' : 'inside'}
      x={percent(Math.max(0, from))}
      dx="6"
      y={state === 'unfinished' ? 10 : 17}
    >
      {text}
    </text>
  );
}
