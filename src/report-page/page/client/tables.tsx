import { useEffect, useMemo, useState } from 'preact/hooks';
import type { PageRecord, PageSpan } from '../../page-model.ts';
import { durationText, fieldText, numberText, offsetText, type Zone, clockText } from '../texts.ts';
import { DataTable, type Column } from './data-table.tsx';
import type { PageData } from './page-data.ts';

interface Given {
  data: PageData;
  zone: Zone;
  onSpan: (span: number) => void;
}

type TabName = 'slowest' | 'failures' | 'events' | 'problems' | 'records';

/** The tables below the waterfall, one at a time. */
export function Tables({ data, zone, onSpan }: Given) {
  const { head, spans } = data;
  const timed = useMemo(() => spans.flatMap(({ start }, i) => (start === undefined ? [] : [i])), [spans]);
  const failed = useMemo(() => spans.flatMap(({ result }, i) => (result === 'fail' ? [i] : [])), [spans]);
  const tabs = (
    [
      ['slowest', 'Slowest', timed.length],
      ['failures', 'Failures', failed.length],
      ['events', 'Events', head.counts.events],
      ['problems', 'Problems', head.problems.length],
      ['records', 'Raw records', head.counts.records],
    ] as const
  ).filter(([, , count]) => count > 0);
  const [chosen, choose] = useState<TabName | undefined>(undefined);
  const tab = chosen ?? tabs[0]?.[0];
  if (tab === undefined) return null;
  const show = (span: number): void => {
    onSpan(span);
    document.getElementById('timeline')?.scrollIntoView({ block: 'start' });
  };
  return (
    <section class="tables">
      <h2>Tables</h2>
      <div
        role="tablist"
        aria-label="Tables"
        onKeyDown={({ key, currentTarget }) => {
          const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
          if (step === 0) return;
          const at = tabs.findIndex(([name]) => name === tab);
          const next = tabs[(at + step + tabs.length) % tabs.length] as (typeof tabs)[number];
          choose(next[0]);
          currentTarget.querySelector<HTMLElement>(`#tab-${next[0]}`)?.focus();
        }}
      >
        {tabs.map(([name, title, count]) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={name === tab}
            aria-controls="table"
            tabIndex={name === tab ? 0 : -1}
            onClick={() => choose(name)}
          >
            {title} <small>{numberText(count)}</small>
          </button>
        ))}
      </div>
      <div id="table" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'slowest' && <Slowest data={data} numbers={timed} onSpan={show} />}
        {tab === 'failures' && <Failures data={data} numbers={failed} zone={zone} onSpan={show} />}
        {tab === 'events' && <Events data={data} zone={zone} onSpan={show} />}
        {tab === 'problems' && (
          <DataTable
            name="Problems"
            columns={[
              { title: 'records', text: ({ records }) => records.join(', '), isNumber: true },
              { title: 'reason', text: ({ reason }) => reason },
              { title: 'message', text: ({ message }) => message, isWide: true },
            ]}
            rows={head.problems}
          />
        )}
        {tab === 'records' && <Records data={data} />}
      </div>
    </section>
  );
}

function Slowest({ data, numbers, onSpan }: Omit<Given, 'zone'> & { numbers: readonly number[] }) {
  const { spans, head } = data;
  const of = (number: number): PageSpan => spans[number] as PageSpan;
  const columns: Column<number>[] = [
    {
      title: 'own time',
      text: (i) => durationText(of(i).own ?? 0),
      value: (i) => of(i).own ?? 0,
      unit: 's',
      isNumber: true,
      first: 'down',
    },
    {
      title: 'whole',
      text: (i) => wholeText(of(i)),
      value: (i) => of(i).seconds,
      unit: 's',
      isNumber: true,
    },
    ...(head.isComparison
      ? [
          {
            title: 'change',
            text: (i: number) => {
              const { difference } = of(i);
              return difference === undefined
                ? ''
                : `${difference < 0 ? '−' : '+'}${durationText(Math.abs(difference))}`;
            },
            value: (i: number) => of(i).difference,
            unit: 's' as const,
            isNumber: true,
          },
        ]
      : []),
    {
      title: 'start',
      text: (i) => offsetText(of(i).start ?? 0),
      value: (i) => (of(i).start ?? 0) / 1000,
      unit: 's',
      isNumber: true,
    },
    { title: 'span', text: (i) => of(i).name, isWide: true, onClick: onSpan },
    { title: 'agent', text: (i) => data.agentOf(of(i).agent) },
    { title: 'result', text: (i) => resultText(of(i)) },
  ];
  return <DataTable name="Slowest" columns={columns} rows={numbers} />;
}

function Failures({ data, numbers, zone, onSpan }: Given & { numbers: readonly number[] }) {
  const of = (number: number): PageSpan => data.spans[number] as PageSpan;
  const endOf = (number: number): number => of(number).end ?? of(number).start ?? 0;
  const columns: Column<number>[] = [
    {
      title: 'at',
      text: (i) => offsetText(endOf(i)),
      value: (i) => endOf(i) / 1000,
      unit: 's',
      isNumber: true,
      first: 'up',
    },
    { title: zone === 'utc' ? 'UTC' : 'here', text: (i) => clockText(data.head.origin + endOf(i), zone) },
    { title: 'took', text: (i) => wholeText(of(i)), value: (i) => of(i).seconds, unit: 's', isNumber: true },
    { title: 'span', text: (i) => of(i).name, onClick: onSpan },
    {
      title: 'reason',
      text: (i) => [of(i).reason ?? '', ...(of(i).sources ?? [])].join(' ← '),
      isWide: true,
    },
    { title: 'agent', text: (i) => data.agentOf(of(i).agent) },
  ];
  return <DataTable name="Failures" columns={columns} rows={numbers} />;
}

function Events({ data, zone, onSpan }: Given) {
  const { events, spans, head } = data;
  const columns: Column<(typeof events)[number]>[] = [
    {
      title: 'at',
      text: ({ at }) => offsetText(at),
      value: ({ at }) => at / 1000,
      unit: 's',
      isNumber: true,
      first: 'up',
    },
    { title: zone === 'utc' ? 'UTC' : 'here', text: ({ at }) => clockText(head.origin + at, zone) },
    { title: 'level', text: ({ level = '' }) => level },
    {
      title: 'event',
      text: ({ message, name, size }) => `${message ?? name}${size === undefined ? '' : ` (${size} bytes)`}`,
      isWide: true,
    },
    {
      title: 'fields',
      text: ({ fields = {} }) =>
        Object.entries(fields)
          .map(([field, value]) => `${field}=${fieldText(value)}`)
          .join(' '),
    },
    {
      title: 'span',
      text: ({ span }) => (span === undefined ? '' : (spans[span]?.name ?? '')),
      onClick: ({ span }) => {
        if (span !== undefined) onSpan(span);
      },
    },
    { title: 'agent', text: ({ agent }) => data.agentOf(agent) },
  ];
  return <DataTable name="Events" columns={columns} rows={events} />;
}

function Records({ data }: { data: PageData }) {
  const [records, setRecords] = useState<readonly PageRecord[] | undefined>(undefined);
  useEffect(() => void data.records().then(setRecords), [data]);
  const rows = useMemo(() => records?.map(([key, value], number) => ({ number, key, value })), [records]);
  if (rows === undefined) return <p>Reading the records …</p>;
  return (
    <DataTable
      name="Raw records"
      columns={[
        {
          title: 'record',
          text: ({ number }) => String(number),
          value: ({ number }) => number,
          isNumber: true,
        },
        { title: 'key', text: ({ key }) => key, isWide: true, isCode: true },
        { title: 'value', text: ({ value }) => value, isWide: true, isCode: true },
      ]}
      rows={rows}
    />
  );
}

function wholeText({ seconds, isWall, state }: PageSpan): string {
  if (seconds === undefined) return state === 'unfinished' ? 'did not end' : '';
  return `${isWall ? '~' : ''}${durationText(seconds)}`;
}

function resultText({ result, state }: PageSpan): string {
  return result === 'fail' ? 'failed' : result === 'success' ? 'succeeded' : (state ?? '');
}
