import type { PageSpan } from '../page-model.ts';
import { durationText } from './texts.ts';

/** What became of a span since the boot before. */
export function changeText({ change, difference, verdict, before }: PageSpan): string {
  const texts: string[] = [];
  if (verdict !== undefined) texts.push(verdict === 'failed' ? 'fails now' : 'fixed');
  if (change === 'new') texts.push('new');
  else if (change === 'missing') {
    texts.push(before?.seconds === undefined ? 'missing' : `missing, took ${durationText(before.seconds)}`);
  } else if (change !== undefined && difference !== undefined) {
    texts.push(`${difference < 0 ? '−' : '+'}${durationText(Math.abs(difference))} ${change}`);
  }
  return texts.join(', ');
}
