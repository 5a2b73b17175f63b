import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageEvent, PageRecord, PageSpan } from '../../page-model.ts';
import { Moment, Pool } from '../answer.tsx';
import { changeText } from '../change-text.ts';
import { Icon } from '../icon.tsx';
import {
  durationText,
  fieldText,
  momentText,
  offsetText,
  shareText,
  visible,
  visibleLines,
  type Zone,
} from '../texts.ts';
import { CopyButton } from './copy-button.tsx';
import type { PageData } from './page-data.ts';

/** Events of a span that are listed at first. */
const EVENTS_MAX = 100;

interface Given {
  data: PageData;
  span: number;
  zone: Zone;
  onSelect: (span: number | undefined) => void;
  onZoomTo: (span: number) => void;
}

/** All that is known of a span. */
export function Details({ data, span: number, zone, onSelect, onZoomTo }: Given) {
  const span = data.spans[number] as PageSpan;
  const { head } = data;
  const { name, agent, id, start, end, seconds, own, state, result, reason, sources = [], level } = span;
  const { message, fields, isWall, isCritical, before, parent } = span;
  const change = changeText(span);
  const at = (offset: number | undefined): ComponentChildren =>
    offset !== undefined && (
      <>
        {offsetText(offset)}
        <br />
        <Moment time={head.origin + offset} zone={zone} />
      </>
    );
  /** Keys are for the spans again. */
  const close = (): void => {
    onSelect(undefined);
    document.querySelector<HTMLElement>('[role=treegrid]')?.focus();
  };
  const words =
    result === 'fail'
      ? 'failed'
      : state === 'unfinished'
        ? 'did not end'
        : result === 'success'
          ? 'succeeded'
          : 'has no result';
  return (
    <aside
      class="details"
      aria-label={`Span ${visible(name)}`}
      onKeyDown={({ key }) => {
        if (key === 'Escape') close();
      }}
    >
      <header>
        <h3>
          <Pool text={name} />
        </h3>
        <button type="button" class="close" aria-label="Close the details" onClick={close}>
          ✕
        </button>
      </header>
      <p class={`state ${result ?? state ?? ''}`}>
        {result === 'fail' && <Icon name="fail" />}
        {state === 'unfinished' && <Icon name="unfinished" />}
        {result === 'success' && <Icon name="success" />} {words}
        {seconds !== undefined && ` after ${isWall ? 'about ' : ''}${durationText(seconds)}`}
      </p>
      {reason !== undefined && (
        <p class="why">
          <Pool text={reason} />
        </p>
      )}
      {sources.length > 0 && (
        <ol class="causes">
          {sources.map((source, i) => (
            <li key={i}>
              <span class="muted">because</span> <Pool text={source} />
            </li>
          ))}
        </ol>
      )}
      <p class="actions">
        <button type="button" onClick={() => onZoomTo(number)} disabled={start === undefined}>
          Zoom to it
        </button>
        <CopyButton text={() => jsonOf(data, number)}>Copy as JSON</CopyButton>
        <CopyButton text={() => `${location.href.replace(/#.*$/, '')}#span-${number}`}>Copy link</CopyButton>
      </p>
      <dl>
        <Entry name="Start">{at(start)}</Entry>
        <Entry name="End">{at(end)}</Entry>
        <Entry name="Share">
          {seconds !== undefined && `${shareText((seconds * 1000) / head.length)} of the boot`}
        </Entry>
        <Entry name="Own time">{own !== undefined && durationText(own)}</Entry>
        <Entry name="Change">{change}</Entry>
        <Entry name="Before">{before !== undefined && <Before before={before} />}</Entry>
        <Entry name="Critical">{isCritical && 'the end had to wait for it'}</Entry>
        <Entry name="State">{state === 'start-missing' && 'its start is missing'}</Entry>
        <Entry name="Agent">
          <Pool text={data.agentOf(agent)} />
        </Entry>
        <Entry name="In">
          {parent !== undefined && (
            <a href={`#span-${parent}`}>
              <Pool text={data.spans[parent]?.name ?? ''} />
            </a>
          )}
        </Entry>
        <Entry name="Level">{visible(level)}</Entry>
        <Entry name="Message">{message !== undefined && <Pool text={message} />}</Entry>
        <Entry name="Id">
          <code>{visible(id)}</code>
        </Entry>
      </dl>
      {fields !== undefined && <Fields fields={fields} />}
      <Events data={data} span={number} zone={zone} />
      <Records data={data} numbers={recordsOf(data, number)} />
    </aside>
  );
}

/** A line of what is known; none if nothing is. */
function Entry({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === undefined || children === false || children === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What a span was in the boot before. */
function Before({ before: { seconds, result, state, reason } }: { before: Required<PageSpan>['before'] }) {
  const texts = [
    seconds === undefined ? '' : durationText(seconds),
    result === 'fail' ? 'failed' : '',
    state === 'unfinished' ? 'did not end' : '',
  ];
  return (
    <>
      {texts.filter((text) => text !== '').join(', ') || 'was there'}
      {reason !== undefined && (
        <>
          : <Pool text={reason} />
        </>
      )}
    </>
  );
}

function Fields({ fields }: { fields: Readonly<Record<string, unknown>> }) {
  return (
    <>
      <h4>Fields</h4>
      <table>
        <tbody>
          {Object.entries(fields).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">
                <Pool text={name} />
              </th>
              <td>
                <bdi>{fieldText(value)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Events({ data, span, zone }: { data: PageData; span: number; zone: Zone }) {
  const [isAll, setAll] = useState(false);
  const numbers = data.eventsOf.get(span) ?? [];
  if (numbers.length === 0) return null;
  return (
    <>
      <h4>Events</h4>
      <ol class="events">
        {(isAll ? numbers : numbers.slice(0, EVENTS_MAX)).map((i) => {
          const { at, level, name, message, fields, size } = data.events[i] as PageEvent;
          return (
            <li key={i}>
              <small title={momentText(data.head.origin + at, zone)}>{offsetText(at)}</small>{' '}
              {level !== undefined && <b class={`level ${levelClass(level)}`}>{visible(level)}</b>}{' '}
              <bdi>{visibleLines(message ?? name)}</bdi>
              {size !== undefined && ` (${size} bytes)`}
              {Object.entries(fields ?? {}).map(([field, value]) => (
                <small key={field}>
                  {' '}
                  <bdi>{`${visible(field)}=${fieldText(value)}`}</bdi>
                </small>
              ))}
            </li>
          );
        })}
      </ol>
      {numbers.length > EVENTS_MAX && !isAll && (
        <button type="button" onClick={() => setAll(true)}>
          all {numbers.length} events
        </button>
      )}
    </>
  );
}

function Records({ data, numbers }: { data: PageData; numbers: readonly number[] }) {
  const [records, setRecords] = useState<readonly PageRecord[] | undefined>(undefined);
  useEffect(() => {
    let isGone = false;
    void data.records().then((all) => {
      if (!isGone) setRecords(all);
    });
    return () => void (isGone = true);
  }, [data]);
  if (data.head.counts.records === 0 || numbers.length === 0) return null;
  return (
    <details>
      <summary>Raw records ({numbers.length})</summary>
      {records !== undefined &&
        numbers.slice(0, EVENTS_MAX).map((number) => {
          const [key, value] = records[number] ?? ['', ''];
          return (
            <div class="record" key={number}>
              <small>record {number}</small>
              <code>
                <bdi>{visible(key)}</bdi>
              </code>
              <pre tabIndex={0}>{visibleLines(value)}</pre>
            </div>
          );
        })}
    </details>
  );
}

/** The numbers of the records of a span and of its events. */
function recordsOf(data: PageData, span: number): number[] {
  const events = (data.eventsOf.get(span) ?? []).flatMap((i) => (data.events[i] as PageEvent).records);
  return [...(data.spans[span] as PageSpan).records, ...events].sort((one, other) => one - other);
}

function jsonOf(data: PageData, number: number): string {
  const { agent, parent, start, end, depth: _, ...span } = data.spans[number] as PageSpan;
  const moment = (time: number | undefined): string | undefined =>
    time === undefined ? undefined : new Date(data.head.origin + time).toISOString();
  return JSON.stringify(
    {
      ...span,
      agent: data.agentOf(agent),
      parent: parent === undefined ? undefined : data.spans[parent]?.id,
      start: moment(start),
      end: moment(end),
      events: (data.eventsOf.get(number) ?? []).map((i) => {
        const { agent: from, at, span: __, ...event } = data.events[i] as PageEvent;
        return { ...event, agent: data.agentOf(from), time: moment(at) };
      }),
    },
    null,
    2,
  );
}

function levelClass(level: string): string {
  return level === 'ERROR' ? 'bad' : level === 'WARN' ? 'warn' : '';
}
