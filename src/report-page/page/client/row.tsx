import type { ComponentChildren, HTMLAttributes } from 'preact';
import type { PageSpan } from '../../page-model.ts';
import { Pool } from '../answer.tsx';
import { Icon } from '../icon.tsx';
import { counted, durationText, offsetText } from '../texts.ts';
import { changeText } from '../change-text.ts';
import { AGENT_COLORS, BarLabel, labelText, Marks, SpanBar } from './bars.tsx';
import { percent } from './axis.tsx';
import { laneKey, type PageData } from './page-data.ts';
import { type Row, rowKey } from './rows.ts';
import { placeOf, type View } from './view.ts';

interface Shared<Kind extends Row['kind']> {
  data: PageData;
  view: View;
  /** Of the bars, in pixels. */
  width: number;
  row: Extract<Row, { kind: Kind }>;
  id: string;
  index: number;
  isActive: boolean;
  onToggle: (key: number, isOpen: boolean) => void;
  onHover: () => void;
}

/** Levels that are indented. */
const DEPTH_MAX = 14;
const INDENT = 14;

interface Cells extends Omit<HTMLAttributes<HTMLDivElement>, 'class' | 'name' | 'label'> {
  /** Classes of the row beside those that all have. */
  class: string;
  /** How deep it is in the tree; agents are 1. */
  level: number;
  name: ComponentChildren;
  /** What the bars say; to be heard. */
  label: string;
  bars: ComponentChildren;
  /** The cell of a comparison, with a class of its own. */
  change?: { class: string; text: string };
}

/** What rows of all kinds have: their place in the tree, and a cell each for name, change and bars. */
function TreeRow(
  { data, id, index, isActive, onHover }: Omit<Shared<Row['kind']>, 'row'>,
  { class: own, level, name, label, bars, change, ...others }: Cells,
) {
  return (
    <div
      class={`columns row ${own}${isActive ? ' active' : ''}`}
      role="row"
      id={id}
      aria-rowindex={index + 1}
      aria-level={level}
      onPointerEnter={onHover}
      {...others}
    >
      <div class="name" role="rowheader">
        {name}
      </div>
      {data.head.isComparison && (
        <div class={change === undefined ? 'change' : `change ${change.class}`} role="gridcell">
          {change?.text}
        </div>
      )}
      <div class="bars" role="gridcell" aria-label={label}>
        {bars}
      </div>
    </div>
  );
}

export function PhaseRow(shared: Shared<'phase'>) {
  const { data, view, width, row } = shared;
  const { name, from, to } = data.head.phases[row.phase] as { name: string; from: number; to: number };
  const [start, end] = [placeOf(from, view), placeOf(to, view)];
  const duration = durationText((to - from) / 1000);
  return TreeRow(shared, {
    class: 'phase',
    level: 1,
    name: (
      <>
        <span class="twisty" />
        <span class="text">{name}</span>
      </>
    ),
    label: `${duration}, from ${offsetText(from)}`,
    bars: (
      <svg class="bar" aria-hidden="true">
        <rect class="phase" x={percent(start)} y="7" width={percent(end - start)} height="12" rx="1.5" />
        <BarLabel text={duration} from={start} to={end} width={width} />
      </svg>
    ),
  });
}

export function LaneRow({ onClick, ...shared }: Shared<'lane'> & { onClick: () => void }) {
  const { data, view, row, onToggle } = shared;
  const { agent, count, failed, isOpen } = row;
  const events = data.eventsOf.get(laneKey(agent));
  return TreeRow(shared, {
    class: 'lane',
    level: 1,
    'aria-expanded': isOpen,
    onClick: () => {
      onClick();
      onToggle(rowKey(row), !isOpen);
    },
    name: (
      <>
        <span class={isOpen ? 'twisty open' : 'twisty closed'} />
        <span class={`swatch agent-${agent % AGENT_COLORS}`} />
        <span class="text">
          <Pool text={data.agentOf(agent)} />{' '}
          <small>
            {counted(count, 'span')}
            {failed > 0 && `, ${failed} failed`}
          </small>
        </span>
      </>
    ),
    label: events === undefined ? '' : counted(events.length, 'event'),
    bars: events && (
      <svg class="bar" aria-hidden="true">
        <Marks data={data} numbers={events} view={view} />
      </svg>
    ),
  });
}

export function SpanRow({
  isSelected,
  onClick,
  ...shared
}: Shared<'span'> & { isSelected: boolean; onClick: () => void }) {
  const { data, view, width, row, onToggle } = shared;
  const { span: number, hasChildren, isOpen, isMatch } = row;
  const span = data.spans[number] as PageSpan;
  const { depth, name, agent, result, state, reason, message, start, parent } = span;
  const isGuest = parent !== undefined && data.spans[parent]?.agent !== agent;
  const classes = ['span', result ?? state ?? ''];
  if (isSelected) classes.push('selected');
  if (!isMatch) classes.push('around');
  if (span.change === 'missing') classes.push('gone');
  const says = reason ?? message;
  return TreeRow(shared, {
    class: classes.join(' '),
    level: depth + 2,
    'aria-selected': isSelected,
    ...(hasChildren && { 'aria-expanded': isOpen }),
    onClick,
    name: (
      <>
        <svg class="indent" width={Math.min(depth + 1, DEPTH_MAX) * INDENT} height="1" aria-hidden="true" />
        <span
          class={hasChildren ? (isOpen ? 'twisty open' : 'twisty closed') : 'twisty'}
          onClick={(event) => {
            if (!hasChildren) return;
            event.stopPropagation();
            onToggle(number, !isOpen);
          }}
        />
        {depth >= DEPTH_MAX && <small class="depth">{depth}</small>}
        {result === 'fail' && <Icon name="fail" />}
        {state === 'unfinished' && <Icon name="unfinished" />}
        {state === 'start-missing' && <Icon name="warning" />}
        <span class="text">
          <Pool text={name} />
          {isGuest && (
            <small>
              {' '}
              <Pool text={data.agentOf(agent)} />
            </small>
          )}
          {says !== undefined && (
            <small>
              {' '}
              <Pool text={says} />
            </small>
          )}
        </span>
      </>
    ),
    label: [labelText(span), start !== undefined && `from ${offsetText(start)}`].filter(Boolean).join(', '),
    bars: <SpanBar data={data} number={number} view={view} width={width} />,
    change: { class: span.verdict ?? span.change ?? '', text: changeText(span) },
  });
}
