import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Boot } from '../diagnostics/summary/last-boot.ts';
import { originOf } from '../diagnostics/summary/boot-phases.ts';
import type { ComparedSpan } from '../diagnostics/timeline/compare-timelines.ts';
import { endOf, ownTimes } from '../diagnostics/timeline/own-times.ts';
import { spansOf } from '../diagnostics/timeline/spans-of.ts';
import type { TimelineNode } from '../diagnostics/timeline/timeline-node.ts';
import { artifactSize, treeValueText } from '../format/item-text.ts';
import type { PageEvent, PageSpan } from './page-model.ts';

/** UTF-16 units of a text that the page has; the records have all of it. */
const TEXT_MAX = 4096;
/** Levels of nesting that fields keep; what is deeper becomes a text. */
const NESTED_MAX = 20;

/** Spans and events of a boot, or of two, as the page has them. */
export class SpanParts {
  readonly spans: PageSpan[] = [];
  readonly events: PageEvent[] = [];
  readonly agents: string[] = [];
  readonly origin: number;
  readonly #agentNumbers = new Map<string, number>();
  readonly #numbers = new Map<TimelineNode, number>();
  readonly #own = new Map<TimelineNode, number>();
  readonly #critical: ReadonlySet<TimelineNode>;

  /** `compared` are the spans of two boots, of which `boot` is the second; `before` is the first. */
  constructor(boot: Boot, compared?: readonly ComparedSpan[], before?: Boot) {
    const { timeline } = boot;
    this.origin = originOf(boot) ?? 0;
    for (const { span, own } of ownTimes(timeline)) this.#own.set(span, own);
    this.#critical = new Set(timeline.criticalPath);
    if (compared === undefined) this.#addTree(timeline.roots);
    else this.#addCompared(compared, before === undefined ? 0 : (originOf(before) ?? 0));
    for (const event of timeline.events) this.#addEvent(event);
  }

  /** The number of a span of the boot; -1 if it is not there. */
  numberOf(id: string, name: string, agent: string): number {
    for (const [node, number] of this.#numbers) {
      if (node.id === id && node.name === name && node.agent === agent) return number;
    }
    return -1;
  }

  #addTree(roots: readonly TimelineNode[]): void {
    for (const { span, parent, depth } of spansOf(roots)) {
      const page = this.#spanOf(span, span.agent, depth);
      if (parent !== undefined) page.parent = this.#numbers.get(parent.span) as number;
      this.#push(page, span);
    }
  }

  #addCompared(compared: readonly ComparedSpan[], origin: number): void {
    /** The number of the last span of each depth, which the next deeper one is in. */
    const open: number[] = [];
    for (const { name, agent, depth, before, after, change, difference, result } of compared) {
      const page: PageSpan =
        after === undefined
          ? {
              name,
              agent: this.#agentNumber(agent),
              id: (before as TimelineNode).id,
              depth,
              level: (before as TimelineNode).level,
              records: [],
            }
          : this.#spanOf(after, agent, depth);
      if (depth > 0) page.parent = open[depth - 1] as number;
      if (before !== undefined) {
        const { state, result: resultBefore, reason } = before;
        page.before = { ...timesOf(before, origin) };
        if (state !== 'finished') page.before.state = state;
        if (resultBefore !== undefined) page.before.result = resultBefore;
        if (reason !== undefined) page.before.reason = cut(reason);
      }
      if (change !== 'same') page.change = change;
      if (difference !== undefined) page.difference = difference;
      if (result !== undefined) page.verdict = result;
      open[depth] = this.spans.length;
      this.#push(page, after);
    }
  }

  #push(page: PageSpan, node: TimelineNode | undefined): void {
    const number = this.spans.push(page) - 1;
    if (node === undefined) return;
    this.#numbers.set(node, number);
    // In a comparison a span is of an agent without its version, and so are its events.
    for (const event of node.events) {
      this.#addEvent(event, number, event.agent === node.agent ? page.agent : undefined);
    }
  }

  #spanOf(node: TimelineNode, agent: string, depth: number): PageSpan {
    const { name, id, clock, result, state, reason, sources, level, fields, message, records } = node;
    const page: PageSpan = {
      name: cut(name),
      agent: this.#agentNumber(agent),
      id: cut(id),
      depth,
      level,
      records,
      ...timesOf(node, this.origin),
    };
    const own = this.#own.get(node);
    if (own !== undefined) page.own = own;
    if (state !== 'finished') page.state = state;
    if (result !== undefined) page.result = result;
    if (clock !== undefined) page.isWall = true;
    if (this.#critical.has(node)) page.isCritical = true;
    if (reason !== undefined) page.reason = cut(reason);
    if (sources !== undefined && sources.length > 0) page.sources = sources.map(cut);
    const shown = fieldsOf(fields);
    if (shown !== undefined) page.fields = shown;
    if (message !== undefined && !name.endsWith(message)) page.message = cut(message);
    return page;
  }

  #addEvent(event: Diagnostic, span?: number, number = this.#agentNumber(event.agent)): void {
    const { time, name, level, message, fields, result, records } = event;
    const page: PageEvent = {
      agent: number,
      at: time.getTime() - this.origin,
      name: cut(name),
      records,
    };
    if (span !== undefined) page.span = span;
    if (level !== undefined) page.level = level;
    if (message !== undefined) page.message = cut(message);
    const shown = fieldsOf(fields);
    if (shown !== undefined) page.fields = shown;
    if (result !== undefined) page.result = result;
    const size = level === undefined ? artifactSize(event) : undefined;
    if (size !== undefined) page.size = size;
    this.events.push(page);
  }

  #agentNumber(agent: string): number {
    let number = this.#agentNumbers.get(agent);
    if (number === undefined) this.#agentNumbers.set(agent, (number = this.agents.push(cut(agent)) - 1));
    return number;
  }
}

function timesOf(node: TimelineNode, origin: number): Pick<PageSpan, 'start' | 'end' | 'seconds'> {
  const times: Pick<PageSpan, 'start' | 'end' | 'seconds'> = { start: node.start.getTime() - origin };
  if (node.state !== 'unfinished') times.end = endOf(node, -Infinity) - origin;
  if (node.duration !== undefined) times.seconds = node.duration;
  return times;
}

/** A text of which the page has all, or the beginning and how much is left out. */
export function cut(text: string): string {
  return text.length <= TEXT_MAX
    ? text
    : `${text.slice(0, TEXT_MAX).toWellFormed()}… [+${text.length - TEXT_MAX} characters]`;
}

/** Fields that JSON can carry; none if there are none. */
function fieldsOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  let shown: [string, unknown][] | undefined;
  for (const name in fields) (shown ??= []).push([cut(name), fieldOf(fields[name])]);
  // A field may be called `__proto__`.
  return shown && (Object.fromEntries(shown) as Record<string, unknown>);
}

function fieldOf(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depthOf(value) > NESTED_MAX) return cut(treeValueText(value));
  const json = JSON.stringify(value);
  return json.length > TEXT_MAX ? cut(json) : value;
}

/** How deep a value is nested, or more than is kept. */
function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > NESTED_MAX) return depth;
  let most = depth;
  for (const member of Object.values(value)) most = Math.max(most, depthOf(member, depth + 1));
  return most;
}
