import type { PageEvent, PageModel, PageSpan } from '../../page-model.ts';
import { durationText, fieldText, offsetText } from '../texts.ts';
import { bdi, escapeHtml } from './html.ts';

/** Rows of the table of the slowest spans. */
const SLOWEST_MAX = 50;

/** What the page has besides the tree, as tables. */
export function tablesHtml({ head, spans, events }: PageModel): string {
  const { agents, problems } = head;
  const failed = spans.filter(({ result }) => result === 'fail');
  const slowest = spans
    .filter(({ own = 0 }) => own > 0)
    .sort((one, other) => (other.own ?? 0) - (one.own ?? 0))
    .slice(0, SLOWEST_MAX);
  const byTime = events.toSorted((one, other) => one.at - other.at);
  const of = (agent: number): string => bdi(agents[agent] ?? '');
  return (
    table('Failures', ['at', 'span', 'agent', 'reason'], failed, (span) => [
      offsetText(span.end ?? span.start ?? 0),
      bdi(span.name),
      of(span.agent),
      [span.reason ?? '', ...(span.sources ?? [])].map(bdi).join(' ← '),
    ]) +
    table('Slowest by own time', ['own', 'whole', 'span', 'agent'], slowest, (span: PageSpan) => [
      durationText(span.own ?? 0),
      span.seconds === undefined ? '' : durationText(span.seconds),
      bdi(span.name),
      of(span.agent),
    ]) +
    table('Events', ['at', 'level', 'event', 'span', 'agent'], byTime, (event) => [
      offsetText(event.at),
      escapeHtml(event.level ?? ''),
      eventHtml(event),
      event.span === undefined ? '' : bdi(spans[event.span]?.name ?? ''),
      of(event.agent),
    ]) +
    table('Problems', ['records', 'reason', 'message'], problems, ({ records, reason, message }) => [
      escapeHtml(records.join(', ')),
      escapeHtml(reason),
      bdi(message),
    ])
  );
}

function eventHtml({ name, message, fields, size }: PageEvent): string {
  const texts = [bdi(message ?? name)];
  if (size !== undefined) texts.push(`(${size} bytes)`);
  for (const field in fields) texts.push(`<small>${bdi(`${field}=${fieldText(fields[field])}`)}</small>`);
  return texts.join(' ');
}

function table<Row>(
  title: string,
  columns: readonly string[],
  rows: readonly Row[],
  cells: (row: Row) => readonly string[],
): string {
  if (rows.length === 0) return '';
  let html = '';
  for (const row of rows) html += `<tr><td>${cells(row).join('<td>')}\n`;
  const heads = columns.map((column) => `<th scope=col>${column}`).join('');
  return `<section><h2>${title}</h2><table><thead><tr>${heads}<tbody>${html}</table></section>`;
}
