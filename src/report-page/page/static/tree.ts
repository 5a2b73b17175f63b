import type { PageModel, PageSpan } from '../../page-model.ts';
import { changeText } from '../change-text.ts';
import { durationText, offsetText } from '../texts.ts';
import { bdi } from './html.ts';

// Texts are put together here, not elements: a pool has thousands of spans, and Node.js runs this code once, which takes a
// twentieth of the time that way.

/** Levels that have an indentation; what is deeper has its depth as a number. */
const DEPTH_MAX = 16;
const INDENT = 14;

/** The spans as a table: a tree, and a bar on the time axis for each. */
export function treeHtml({ head, spans }: PageModel): string {
  const { length, agents, isComparison, phases } = head;
  if (spans.length === 0) return '';
  const percent = (time: number): string => `${((100 * time) / length).toFixed(2)}%`;
  const bar = (from: number, to: number, kind: string): string =>
    `<svg class="bar"><rect class="${kind}" x="${percent(from)}" width="${percent(Math.max(0, to - from))}" height="100%"/></svg>`;
  let rows = '';
  for (const { name, from, to } of phases) {
    rows += `<tr class="phase"><th scope="row">${name}</th><td>${offsetText(from)}</td><td>${durationText((to - from) / 1000)}</td>${isComparison ? '<td></td>' : ''}<td>${bar(from, to, 'phase')}</td></tr>`;
  }
  let agent = -1;
  spans.forEach((span, i) => {
    if (span.parent === undefined && span.agent !== agent) {
      agent = span.agent;
      rows += `<tr class="lane"><th scope="rowgroup" colspan="${isComparison ? 5 : 4}">${bdi(agents[agent] ?? '')}</th></tr>`;
    }
    const { start = 0, end = start } = span;
    const to = span.state === 'unfinished' ? length : end;
    rows += `<tr id="span-${i}"><th scope="row">${nameHtml(span)}</th><td>${span.start === undefined ? '' : offsetText(start)}</td><td>${tookText(span)}</td>${isComparison ? `<td>${changeText(span)}</td>` : ''}<td>${span.start === undefined ? '' : bar(start, to, kindOf(span))}</td></tr>`;
  });
  const change = isComparison ? '<th scope="col">change</th>' : '';
  return `<section><h2>Spans</h2><table class="tree"><thead><tr><th scope="col">span</th><th scope="col">start</th><th scope="col">took</th>${change}<th scope="col">0 to ${durationText(length / 1000)}</th></tr></thead><tbody>${rows}</tbody></table></section>`;
}

function nameHtml(span: PageSpan): string {
  const { depth, name, reason, message, result, state, isCritical, sources = [] } = span;
  const indent =
    depth === 0 ? '' : `<svg class="indent" width="${Math.min(depth, DEPTH_MAX) * INDENT}" height="1"></svg>`;
  const number = depth > DEPTH_MAX ? `<small>${depth}</small> ` : '';
  let text = `${indent}${number}${bdi(name)}`;
  if (result === 'fail') text += ' <b class="bad">✕ failed</b>';
  if (state !== undefined)
    text += ` <b class="warn">${state === 'unfinished' ? 'did not end' : 'start missing'}</b>`;
  if (isCritical) text += ' <small title="the end had to wait for it">◆</small>';
  if (reason !== undefined) text += ` <span class="why">${[reason, ...sources].map(bdi).join(' ← ')}</span>`;
  else if (message !== undefined) text += ` <small>${bdi(message)}</small>`;
  return text;
}

function tookText({ seconds, isWall }: PageSpan): string {
  return seconds === undefined ? '' : `${isWall ? '~' : ''}${durationText(seconds)}`;
}

function kindOf({ result, state }: PageSpan): string {
  return result === 'fail' ? 'fail' : (state ?? 'span');
}
