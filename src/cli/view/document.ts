import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { ownTimes } from '../../diagnostics/timeline/own-times.ts';
import type { Timeline } from '../../diagnostics/timeline/timeline.ts';
import type { TimelineNode } from '../../diagnostics/timeline/timeline-node.ts';
import { jsonFields } from '../../format/item-text.ts';
import { printableJson } from '../../printable.ts';
import type { InputBoot } from '../boots.ts';

/** The timelines of pools as JSON: an object for one pool, `{"pools":[…]}` for several; with a line feed at the end. */
export function documentOf(shown: readonly InputBoot[]): string {
  const documents = shown.map(jsonOf);
  const json = documents.length === 1 ? (documents[0] as string) : `{"pools":[${documents.join(',')}]}`;
  return `${printableJson(json)}\n`;
}

function jsonOf({ input: { path }, boot: { timeline }, summary }: InputBoot): string {
  const { start, end, events, gaps } = timeline;
  const json = JSON.stringify({ path, summary, start, end, gaps });
  return `${json.slice(0, -1)},"events":${eventsJson(events)},"roots":${spansJson(timeline)}}`;
}

function eventsJson(events: readonly Diagnostic[]): string {
  return `[${events
    .map((event) => {
      const { bytes } = event;
      return itemJson(
        bytes === undefined ? event : { ...event, bytes: Buffer.from(bytes).toString('base64') },
      );
    })
    .join(',')}]`;
}

/** An item as JSON. Fields may be nested deeper than `JSON.stringify` may go. */
function itemJson<Item extends { fields: Record<string, unknown> }>(item: Item): string {
  try {
    return JSON.stringify(item);
  } catch {
    return JSON.stringify({ ...item, fields: jsonFields(item.fields) });
  }
}

/** The trees of spans as JSON. No recursion: spans may be nested deeper than `JSON.stringify` may go. */
function spansJson(timeline: Timeline): string {
  const own = new Map(ownTimes(timeline).map((each) => [each.span, each.own]));
  const critical = new Set(timeline.criticalPath);
  const parts: string[] = [];
  /** Spans, and what is written between them. */
  const rest: (TimelineNode | string)[] = [];
  const push = (spans: readonly TimelineNode[]): void => {
    rest.push(']');
    for (let i = spans.length - 1; i >= 0; i--) {
      rest.push('}', spans[i] as TimelineNode);
      if (i > 0) rest.push(',');
    }
    rest.push('[');
  };
  push(timeline.roots);
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next === 'string') parts.push(next);
    else {
      const { children, events, ...members } = next;
      const json = itemJson({
        ...members,
        own: own.get(next),
        critical: critical.has(next),
      } as typeof members);
      parts.push(json.slice(0, -1), ',"events":', eventsJson(events), ',"children":');
      push(children);
    }
  }
  return parts.join('');
}
