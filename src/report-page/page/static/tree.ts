import type { PageModel, PageSpan } from '../../page-model.ts';
import { changeText } from '../change-text.ts';
import { durationText, offsetText } from '../texts.ts';
import { bdi } from './html.ts';

// Texts are put together here, not elements: a pool has thousands of spans, and Node.js runs this code once, which takes a
// twentieth of the time that way.

/** Levels that the style has an indentation for; what is deeper has its depth as a number. */
const DEPTH_MAX = 16;

/** The spans as a table: a tree, and a bar on the time axis for each. End tags that HTML does not need are left out. */
export function treeHtml({ head, spans }: PageModel): string {
  const { length, agents, isComparison, phases } = head;
  if (spans.length === 0) return '';
  const percent = (hundredths: number): string => `${Math.round(hundredths) / 100}%`;
  // SVG draws nothing of no width.
  const bar = (from: number, to: number, kind: string): string =>
    `<svg><rect${kind} x=${percent((10_000 * from) / length)} width=${percent(Math.max(1, (10_000 * (to - from)) / length))} height=12 /></svg>`;
  let rows = '';
  for (const { name, from, to } of phases) {
    const took = durationText((to - from) / 1000);
    rows += `<tr><th>${name}<td>${offsetText(from)}<td>${took}${isComparison ? '<td>' : ''}<td>${bar(from, to, ' class=phase')}\n`;
  }
  let agent = -1;
  spans.forEach((span, i) => {
    if (span.parent === undefined && span.agent !== agent) {
      agent = span.agent;
      rows += `<tr class=lane><th colspan=${isComparison ? 5 : 4}>${bdi(agents[agent] ?? '')}\n`;
    }
    const { start, end = start ?? 0, state } = span;
    const change = isComparison ? `<td>${changeText(span)}` : '';
    rows += `<tr id=span-${i}><th${indentOf(span)}>${nameHtml(span)}<td>`;
    if (start === undefined) rows += `<td>${change}<td>\n`;
    else {
      const to = state === 'unfinished' ? length : end;
      rows += `${offsetText(start)}<td>${tookText(span)}${change}<td>${bar(start, to, kindOf(span))}\n`;
    }
  });
  const change = isComparison ? '<th scope=col>change' : '';
  const legend = spans.some(({ isCritical }) => isCritical)
    ? '<p><small>◆ critical path: the end had to wait for it</small></p>'
    : '';
  return `<section><h2>Spans</h2>${legend}<table class="tree"><thead><tr><th scope=col>span<th scope=col>start<th scope=col>took${change}<th scope=col>0 to ${durationText(length / 1000)}<tbody>${rows}</table></section>`;
}

function indentOf({ depth }: PageSpan): string {
  return depth === 0 ? '' : ` class=d${Math.min(depth, DEPTH_MAX)}`;
}

function nameHtml(span: PageSpan): string {
  const { depth, name, reason, message, result, state, isCritical, sources = [] } = span;
  const number = depth > DEPTH_MAX ? `<small>${depth}</small> ` : '';
  let text = `${number}${bdi(name)}`;
  if (result === 'fail') text += ' <b class=bad>✕ failed</b>';
  if (state !== undefined)
    text += ` <b class=warn>${state === 'unfinished' ? 'did not end' : 'start missing'}</b>`;
  if (isCritical) text += ' <small title="critical path">◆</small>';
  if (reason !== undefined) text += `<br><small>${[reason, ...sources].map(bdi).join(' ← ')}</small>`;
  else if (message !== undefined) text += ` <small>${bdi(message)}</small>`;
  return text;
}

function tookText({ seconds, isWall }: PageSpan): string {
  return seconds === undefined ? '' : `${isWall ? '~' : ''}${durationText(seconds)}`;
}

/** The class of a bar; most have none. */
function kindOf({ result, state }: PageSpan): string {
  if (result === 'fail') return ' class=fail';
  return state === 'unfinished' ? ' class=unfinished' : '';
}
