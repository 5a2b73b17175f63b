import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { counted, visible } from '../texts.ts';
import { Choice } from './choice.tsx';
import type { PageData } from './page-data.ts';
import { type Filter, hasFilter, NO_FILTER } from './rows.ts';
import { type View, zoomed } from './view.ts';

interface Given {
  data: PageData;
  filter: Filter;
  /** How many spans the filter lets through; absent without one. */
  matches: number | undefined;
  search: RefObject<HTMLInputElement | null>;
  view: View;
  onFilter: (filter: Filter) => void;
  onView: (view: View) => void;
  /** Goes to the next match, or the one before. */
  onNext: (step: 1 | -1) => void;
  onExpandAll: () => void;
  onCollapseAll: () => void;
}

/** The filters of which one value is chosen; that of changes is for two boots. */
const CHOICES = [
  {
    name: 'level',
    label: 'Level',
    options: { '': 'any level', INFO: 'INFO and above', WARN: 'WARN and above', ERROR: 'ERROR' },
  },
  {
    name: 'result',
    label: 'Result',
    options: {
      '': 'any result',
      fail: 'failed',
      success: 'succeeded',
      unfinished: 'did not end',
      none: 'no result',
    },
  },
  {
    name: 'change',
    label: 'Change',
    options: {
      '': 'changed or not',
      any: 'changed',
      slower: 'slower',
      faster: 'faster',
      new: 'new',
      missing: 'missing',
      failed: 'fails now',
      fixed: 'fixed',
    },
  },
] satisfies { [Name in 'level' | 'result' | 'change']: Choosable<Name> }['level' | 'result' | 'change'][];

interface Choosable<Name extends keyof Filter> {
  name: Name;
  label: string;
  options: Record<Filter[Name] & string, string>;
}

/** What the waterfall is controlled by: search, filters, what is open, and zoom. */
export function Toolbar(given: Given) {
  const { data, filter, matches, search, view, onFilter, onView, onNext } = given;
  const { head, spans } = data;
  const set = (change: Partial<Filter>): void => onFilter({ ...filter, ...change });
  const zoom = (factor: number): void => onView(zoomed(view, factor, (view.from + view.to) / 2, head.length));
  return (
    <div class="toolbar" role="toolbar" aria-label="Timeline">
      <input
        ref={search}
        type="search"
        placeholder="Search names, reasons, fields, events  ( / )"
        aria-label="Search spans"
        value={filter.query}
        onInput={({ currentTarget: { value } }) => set({ query: value })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onNext(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') set({ query: '' });
          else return;
          event.preventDefault();
        }}
      />
      {head.agents.length > 1 && <Agents data={data} filter={filter} onFilter={onFilter} />}
      {CHOICES.filter(({ name }) => name !== 'change' || head.isComparison).map(
        ({ name, label, options }) => (
          <Choice
            key={name}
            label={label}
            value={filter[name] as string}
            options={options}
            onChoice={(value) => set({ [name]: value })}
          />
        ),
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={filter.isCriticalOnly}
          onChange={({ currentTarget: { checked } }) => set({ isCriticalOnly: checked })}
        />{' '}
        critical path only
      </label>
      <output class="matches" aria-live="polite">
        {matches === undefined
          ? counted(spans.length, 'span')
          : `${matches} of ${counted(spans.length, 'span')}`}
      </output>
      {hasFilter(filter) && (
        <>
          <span class="group">
            <button
              type="button"
              onClick={() => onNext(-1)}
              aria-label="Match before"
              disabled={matches === 0}
            >
              ↑
            </button>
            <button type="button" onClick={() => onNext(1)} aria-label="Next match" disabled={matches === 0}>
              ↓
            </button>
          </span>
          <button type="button" onClick={() => onFilter(NO_FILTER)}>
            Show all
          </button>
        </>
      )}
      <span class="groups">
        <span class="group">
          <button type="button" onClick={given.onExpandAll}>
            Expand
          </button>
          <button type="button" onClick={given.onCollapseAll}>
            Collapse
          </button>
        </span>
        <span class="group">
          <button type="button" onClick={() => zoom(2)} aria-label="Zoom out">
            −
          </button>
          <button type="button" onClick={() => zoom(0.5)} aria-label="Zoom in">
            +
          </button>
          <button type="button" onClick={() => onView({ from: 0, to: head.length })}>
            Whole
          </button>
        </span>
      </span>
    </div>
  );
}

/** Which agents are shown; there may be hundreds. */
function Agents({ data, filter, onFilter }: Pick<Given, 'data' | 'filter' | 'onFilter'>) {
  const { agents } = data.head;
  const hidden = filter.hiddenAgents;
  const set = (hiddenAgents: ReadonlySet<number>): void => onFilter({ ...filter, hiddenAgents });
  const menu = useRef<HTMLDetailsElement>(null);
  // It lies above what is below it, so a click elsewhere closes it.
  useEffect(() => {
    const onPointerDown = ({ target }: PointerEvent): void => {
      if (menu.current?.contains(target as Node) === false) menu.current.open = false;
    };
    addEventListener('pointerdown', onPointerDown);
    return () => removeEventListener('pointerdown', onPointerDown);
  }, []);
  return (
    <details
      class="menu"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !event.currentTarget.open) return;
        event.preventDefault();
        event.currentTarget.open = false;
        event.currentTarget.querySelector('summary')?.focus();
      }}
    >
      <summary>
        {hidden.size === 0 ? 'all agents' : `${agents.length - hidden.size} of ${agents.length} agents`}
      </summary>
      <div class="choices">
        <span class="group">
          <button type="button" onClick={() => set(new Set())}>
            All
          </button>
          <button type="button" onClick={() => set(new Set(agents.keys()))}>
            None
          </button>
        </span>
        {agents.map((agent, i) => (
          <label key={i}>
            <input
              type="checkbox"
              checked={!hidden.has(i)}
              onChange={({ currentTarget: { checked } }) => {
                const changed = new Set(hidden);
                if (checked) changed.delete(i);
                else changed.add(i);
                set(changed);
              }}
            />{' '}
            <bdi>{visible(agent)}</bdi>
          </label>
        ))}
      </div>
    </details>
  );
}
