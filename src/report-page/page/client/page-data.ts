import { breath } from './breath.ts';
import type { PageEvent, PageHead, PageRecord, PageSpan } from '../../page-model.ts';

type PartName = 'head' | 'spans' | 'events' | 'records';

/** Spans whose texts are made at once. */
const SEARCH_TEXTS = 250;

/** What the page shows, as it is in the file. */
export class PageData {
  readonly head: PageHead;
  readonly spans: readonly PageSpan[];
  readonly events: readonly PageEvent[];
  /** Of each span the number of the last one in it, or its own. */
  readonly lasts: Int32Array;
  /** Of each span the numbers of its events; of a lane, by `laneKey`, of those that are in no span. */
  readonly eventsOf = new Map<number, number[]>();
  /** The numbers of the roots of each agent, in the order of the first ones. */
  readonly lanes = new Map<number, number[]>();
  /** What is searched of each span, in lower case. */
  readonly #texts: string[] = [];
  #records: Promise<readonly PageRecord[]> | undefined;

  private constructor(head: PageHead, spans: readonly PageSpan[], events: readonly PageEvent[]) {
    this.head = head;
    this.spans = spans;
    this.events = events;
    this.lasts = new Int32Array(spans.length);
    events.forEach(({ span, agent }, i) => {
      add(this.eventsOf, span ?? laneKey(agent), i);
    });
    for (let i = spans.length - 1; i >= 0; i--) {
      this.lasts[i] = Math.max(this.lasts[i] as number, i);
      const { parent } = spans[i] as PageSpan;
      if (parent !== undefined) {
        this.lasts[parent] = Math.max(this.lasts[parent] as number, this.lasts[i] as number);
      }
    }
    spans.forEach(({ parent, agent }, i) => {
      if (parent === undefined) add(this.lanes, agent, i);
    });
    for (const { span, agent } of events) {
      if (span === undefined && !this.lanes.has(agent)) this.lanes.set(agent, []);
    }
  }

  static async head(): Promise<PageHead> {
    const [head] = await readAll<PageHead>('head');
    return head as PageHead;
  }

  static async load(head: PageHead): Promise<PageData> {
    const spans = await readAll<PageSpan>('spans');
    const events = await readAll<PageEvent>('events');
    return new PageData(head, spans, events);
  }

  /** All records of the pool; read when they are first asked for. */
  records(): Promise<readonly PageRecord[]> {
    return (this.#records ??= readAll<PageRecord>('records'));
  }

  /** Makes the texts that are searched, before somebody searches. */
  async prepareSearch(): Promise<void> {
    for (let i = 0; i < this.spans.length; i++) {
      this.textOf(i);
      if (i % SEARCH_TEXTS === 0) await breath();
    }
  }

  agentOf(number: number): string {
    return this.head.agents[number] ?? '';
  }

  /** What is searched of a span: its name, agent, reason, fields, and what its events say. */
  textOf(number: number): string {
    return (this.#texts[number] ??= this.#textOf(number).toLowerCase());
  }

  #textOf(number: number): string {
    const {
      name,
      agent,
      id,
      reason = '',
      sources = [],
      message = '',
      fields,
    } = this.spans[number] as PageSpan;
    const events = (this.eventsOf.get(number) ?? []).map((i) => {
      const { name: event, message: says = '', fields: more } = this.events[i] as PageEvent;
      return `${event} ${says} ${more === undefined ? '' : JSON.stringify(more)}`;
    });
    const own = [name, this.agentOf(agent), id, reason, ...sources, message];
    return [...own, fields === undefined ? '' : JSON.stringify(fields), ...events].join('\n');
  }
}

/** The key of an agent's lane, where spans have their numbers. */
export function laneKey(agent: number): number {
  return -1 - agent;
}

function add(lists: Map<number, number[]>, key: number, number: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [number]);
  else list.push(number);
}

async function readAll<Item>(name: PartName): Promise<Item[]> {
  const items: Item[] = [];
  for (const element of document.querySelectorAll(`script[data-part="${name}"]`)) {
    for (const item of (await inflated(element.textContent)) as Item[]) items.push(item);
  }
  return items;
}

async function inflated(base64: string): Promise<unknown> {
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return JSON.parse(await new Response(stream).text());
}
