import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { PageSpan } from '../../page-model.ts';
import type { Zone } from '../texts.ts';
import { breath } from './breath.ts';
import { Details } from './details.tsx';
import { Legend } from './legend.tsx';
import { Minimap } from './minimap.tsx';
import { laneKey, type PageData } from './page-data.ts';
import { type Filter, hasFilter, matchesOf, NO_FILTER, rowsOf } from './rows.ts';
import { spanOfHash } from './state.ts';
import { Tables } from './tables.tsx';
import { Toolbar } from './toolbar.tsx';
import { around, type View, within } from './view.ts';
import { Waterfall } from './waterfall.tsx';

const NOTHING: ReadonlySet<number> = new Set();

/** The part of the page that answers: the waterfall with its controls, the details of a span, and the tables. */
export function Explorer({ data, zone, onReady }: { data: PageData; zone: Zone; onReady: () => void }) {
  const { head, spans } = data;
  const [view, setView] = useState<View>({ from: 0, to: head.length });
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [collapsed, setCollapsed] = useState<ReadonlySet<number>>(NOTHING);
  const [selected, setSelected] = useState<number | undefined>(() => spanOfHash(spans.length));
  /** The tables come after the waterfall, which is what a reader looks at first. */
  const [hasTables, setHasTables] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const matches = useMemo(() => (hasFilter(filter) ? matchesOf(data, filter) : undefined), [data, filter]);
  const rows = useMemo(() => rowsOf(data, collapsed, matches), [data, collapsed, matches]);

  const select = useCallback(
    (span: number | undefined) => {
      setSelected(span);
      history.replaceState(
        null,
        '',
        span === undefined ? location.href.replace(/#.*$/, '') : `#span-${span}`,
      );
      if (span !== undefined) {
        setCollapsed((last) => opened(last, spans, span));
        setFilter((last) => (hasFilter(last) && !matchesOf(data, last).includes(span) ? NO_FILTER : last));
      }
    },
    [data, spans],
  );
  useEffect(() => {
    const follow = (): void => {
      const span = spanOfHash(spans.length);
      if (span === undefined) return;
      select(span);
      document.getElementById('timeline')?.scrollIntoView({ block: 'start' });
    };
    if (location.hash !== '') follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, [select, spans]);
  useEffect(() => {
    void breath()
      .then(() => setHasTables(true))
      .then(breath)
      .then(() => {
        onReady();
        return data.prepareSearch();
      });
  }, [data, onReady]);
  useEffect(() => {
    /** Keys that mean the same wherever the reader is. */
    const onKeyDown = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof Element && event.target.closest('input, select, textarea');
      if (event.defaultPrevented || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '/') {
        event.preventDefault();
        search.current?.focus();
      } else if (event.key === 'Escape' && selected !== undefined) select(undefined);
    };
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, [selected, select]);

  const zoomTo = (span: number): void => {
    const { start, end = start } = spans[span] as PageSpan;
    if (start !== undefined && end !== undefined) setView(around(start, Math.max(end, start), head.length));
  };
  const collapseAll = (): void => {
    const all = new Set<number>(Array.from(data.lasts).flatMap((last, i) => (last > i ? [i] : [])));
    setCollapsed(all);
  };
  const next = (step: 1 | -1): void => {
    const list = matches ?? [];
    if (list.length === 0) return;
    const at = selected === undefined ? -1 : list.findIndex((each) => each >= selected);
    const isAt = at >= 0 && list[at] === selected;
    const from = at < 0 ? (step > 0 ? -1 : list.length) : isAt || step < 0 ? at : at - 1;
    select(list[(from + step + list.length) % list.length]);
  };

  // What stays the same is not drawn anew with each key.
  const tables = useMemo(
    () => hasTables && <Tables data={data} zone={zone} onSpan={select} />,
    [hasTables, data, zone, select],
  );
  const legend = useMemo(() => <Legend data={data} />, [data]);
  if (data.lanes.size === 0 && head.phases.length === 0) {
    return <>{tables}</>;
  }
  return (
    <>
      <section id="timeline" class={selected === undefined ? 'timeline' : 'timeline with-details'}>
        <h2>Timeline</h2>
        <Toolbar
          data={data}
          filter={filter}
          matches={matches?.length}
          search={search}
          view={view}
          onFilter={setFilter}
          onView={(next) => setView(within(next, head.length))}
          onNext={next}
          onExpandAll={() => setCollapsed(NOTHING)}
          onCollapseAll={collapseAll}
        />
        <div class="stage">
          <div class="chart">
            <Minimap data={data} view={view} onView={setView} />
            <Waterfall
              data={data}
              rows={rows}
              view={view}
              zone={zone}
              selected={selected}
              onView={setView}
              onSelect={select}
              onToggle={(key, isOpen) =>
                setCollapsed((last) => {
                  const changed = new Set(last);
                  if (isOpen) changed.delete(key);
                  else changed.add(key);
                  return changed;
                })
              }
              onZoomTo={zoomTo}
              allRows={() => (matches === undefined ? rowsOf(data, NOTHING, undefined) : rows)}
              onOpen={(span) => setCollapsed((last) => opened(last, spans, span))}
            />
            {legend}
          </div>
          {selected !== undefined && (
            <Details
              key={selected}
              data={data}
              span={selected}
              zone={zone}
              onSelect={select}
              onZoomTo={zoomTo}
            />
          )}
        </div>
      </section>
      {tables}
    </>
  );
}

/** What is collapsed, but nothing that a span is in. */
function opened(
  collapsed: ReadonlySet<number>,
  spans: readonly PageSpan[],
  span: number,
): ReadonlySet<number> {
  const keys: number[] = [];
  let root = span;
  for (let i = spans[span]?.parent; i !== undefined; i = spans[i]?.parent) keys.push((root = i));
  keys.push(laneKey(spans[root]?.agent ?? 0));
  if (!keys.some((key) => collapsed.has(key))) return collapsed;
  const changed = new Set(collapsed);
  for (const key of keys) changed.delete(key);
  return changed;
}
