import type { PageSpan } from '../../page-model.ts';
import { Pool } from '../answer.tsx';
import { Icon } from '../icon.tsx';
import { counted, durationText, offsetText } from '../texts.ts';
import { changeText } from '../change-text.ts';
import { AGENT_COLORS, labelText, Marks, SpanBar } from './bars.tsx';
import { percent } from './axis.tsx';
import { laneKey, type PageData } from './page-data.ts';
import { type Row, rowKey } from './rows.ts';
import { placeOf, type View } from './view.ts';

interface Shared<Kind extends Row['kind']> {
  data: PageData;
  view: View;
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

export function PhaseRow({ data, view, row, id, index, isActive, onHover }: Shared<'phase'>) {
  const { name, from, to } = data.head.phases[row.phase] as { name: string; from: number; to: number };
  const [start, end] = [placeOf(from, view), placeOf(to, view)];
  return (
    <div
      class={`columns row phase${isActive ? ' active' : ''}`}
      role="row"
      id={id}
      aria-rowindex={index + 1}
      aria-level={1}
      onPointerEnter={onHover}
    >
      <div class="name" role="rowheader">
        <span class="twisty" />
        <span class="text">{name}</span>
      </div>
      {data.head.isComparison && <div class="change" role="gridcell" />}
      <div
        class="bars"
        role="gridcell"
        aria-label={`${durationText((to - from) / 1000)}, from ${offsetText(from)}`}
      >
        <svg class="bar" aria-hidden="true">
          <rect class="phase" x={percent(start)} y="7" width={percent(end - start)} height="12" rx="1.5" />
          <text x={percent(end)} dx="6" y="17">
            {durationText((to - from) / 1000)}
          </text>
        </svg>
      </div>
    </div>
  );
}

export function LaneRow({
  data,
  view,
  row,
  id,
  index,
  isActive,
  onToggle,
  onHover,
  onClick,
}: Shared<'lane'> & { onClick: () => void }) {
  const { agent, count, failed, isOpen } = row;
  const events = data.eventsOf.get(laneKey(agent));
  return (
    <div
      class={`columns row lane${isActive ? ' active' : ''}`}
      role="row"
      id={id}
      aria-rowindex={index + 1}
      aria-level={1}
      aria-expanded={isOpen}
      onPointerEnter={onHover}
      onClick={() => {
        onClick();
        onToggle(rowKey(row), !isOpen);
      }}
    >
      <div class="name" role="rowheader">
        <span class={isOpen ? 'twisty open' : 'twisty closed'} />
        <span class={`swatch agent-${agent % AGENT_COLORS}`} />
        <span class="text">
          <Pool text={data.agentOf(agent)} />{' '}
          <small>
            {counted(count, 'span')}
            {failed > 0 && `, ${failed} failed`}
          </small>
        </span>
      </div>
      {data.head.isComparison && <div class="change" role="gridcell" />}
      <div
        class="bars"
        role="gridcell"
        aria-label={events === undefined ? '' : counted(events.length, 'event')}
      >
        {events && (
          <svg class="bar" aria-hidden="true">
            <Marks data={data} numbers={events} view={view} />
          </svg>
        )}
      </div>
    </div>
  );
}

export function SpanRow({
  data,
  view,
  row,
  id,
  index,
  isActive,
  isSelected,
  onToggle,
  onHover,
  onClick,
}: Shared<'span'> & { isSelected: boolean; onClick: () => void }) {
  const { span: number, hasChildren, isOpen, isMatch } = row;
  const span = data.spans[number] as PageSpan;
  const { depth, name, agent, result, state, reason, message, start, parent } = span;
  const isGuest = parent !== undefined && data.spans[parent]?.agent !== agent;
  const classes = ['columns', 'row', 'span', result ?? state ?? ''];
  if (isActive) classes.push('active');
  if (isSelected) classes.push('selected');
  if (!isMatch) classes.push('around');
  if (span.change === 'missing') classes.push('gone');
  const says = reason ?? message;
  return (
    <div
      class={classes.join(' ')}
      role="row"
      id={id}
      aria-rowindex={index + 1}
      aria-level={depth + 2}
      aria-selected={isSelected}
      {...(hasChildren && { 'aria-expanded': isOpen })}
      onPointerEnter={onHover}
      onClick={onClick}
    >
      <div class="name" role="rowheader">
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
      </div>
      {data.head.isComparison && (
        <div class={`change ${span.verdict ?? span.change ?? ''}`} role="gridcell">
          {changeText(span)}
        </div>
      )}
      <div
        class="bars"
        role="gridcell"
        aria-label={[labelText(span), start !== undefined && `from ${offsetText(start)}`]
          .filter(Boolean)
          .join(', ')}
      >
        <SpanBar data={data} number={number} view={view} />
      </div>
    </div>
  );
}
