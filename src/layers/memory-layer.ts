import type { Event } from '../tracing/event.ts';
import { UNEXPLAINED } from '../tracing/failure.ts';
import type { Fields } from '../tracing/fields.ts';
import { type Checks, readOptions } from '../option.ts';
import { type FilterInput, filterOption } from '../tracing/filter.ts';
import { BaseLayer, type Layer, type LayerView } from '../tracing/layer.ts';
import { Level } from '../tracing/level.ts';
import type { Result, Span } from '../tracing/span.ts';
import { Date } from '../tracing/timers.ts';

/** An event in a shape that tests can compare. Not enumerable: `time`. */
export interface MemoryEvent {
  level: Level;
  target: string;
  message: string | undefined;
  /** All fields but the message; Errors stay Errors. */
  fields: Record<string, unknown>;
  /** When it was emitted. */
  readonly time: Date;
}

/** A span in a shape that tests can compare. Not enumerable: `reason`, `sources`, `id`, `traceId`, `start` and `end`. */
export interface MemorySpan {
  name: string;
  target: string;
  level: Level;
  fields: Record<string, unknown>;
  /** How it ended; `undefined` while it is open. */
  result: Result | undefined;
  /** Why it failed, if it did and somebody said. */
  readonly reason: string | undefined;
  /** The messages of the causes of `reason`, the nearest first. */
  readonly sources: readonly string[];
  events: MemoryEvent[];
  /** Its child spans, in the order in which they were made. */
  children: MemorySpan[];
  readonly id: string;
  readonly traceId: string | undefined;
  readonly start: Date;
  readonly end: Date | undefined;
}

/** What a `MemoryLayer` keeps. */
export interface Memory {
  /** Spans without a parent, or whose parent an earlier `take` returned. */
  spans: MemorySpan[];
  /** Events outside of any span, or in a span that an earlier `take` returned. */
  events: MemoryEvent[];
}

interface State {
  readonly span: MemorySpan;
  /** The last ERROR event in it. */
  lastError: Event | undefined;
}

interface MemoryLayerOptions {
  /** Which spans and events are kept. Default: all. */
  filter?: FilterInput | undefined;
}

const OPTIONS: Checks<MemoryLayerOptions> = { filter: filterOption };

/**
 * Keeps spans and events in memory, for tests. It keeps any number of them until they are taken.
 *
 * @example
 * ```ts
 * const layer = new MemoryLayer();
 * withDefault(new Registry().with(layer), () => inSpan('mount', { fields: { disk: 'sda' } }, () => {}));
 * const { spans } = layer.take();
 * assert.equal(spans[0]?.name, 'mount');
 * ```
 */
export class MemoryLayer extends BaseLayer implements Layer<State> {
  readonly name = 'MemoryLayer';
  #memory: Memory = { spans: [], events: [] };
  #taken = new WeakSet<MemorySpan>();
  #kept: MemorySpan[] = [];

  /** `filter` says which spans and events are kept; default: all. Throws `OptionError`. */
  constructor(options?: MemoryLayerOptions) {
    super(readOptions(OPTIONS, options).filter);
  }

  /** Returns what is kept and forgets it. A returned span that is still open goes on changing. */
  take(): Memory {
    const memory = this.#memory;
    for (const span of this.#kept) this.#taken.add(span);
    this.#kept = [];
    this.#memory = { spans: [], events: [] };
    return memory;
  }

  onNewSpan(span: Span, view: LayerView<State>): void {
    const { name, target, level } = span.metadata;
    const kept = {
      name: name ?? '',
      target,
      level,
      fields: objectOf(span.fields),
      result: undefined,
      events: [],
      children: [],
    };
    hide(kept, { ...UNEXPLAINED, id: span.id, start: new Date(), end: undefined });
    Object.defineProperty(kept, 'traceId', { get: () => span.traceId });
    const memory = kept as unknown as MemorySpan;
    view.set(span, { span: memory, lastError: undefined });
    this.#kept.push(memory);
    (this.#parentOf(span.parent, view)?.children ?? this.#memory.spans).push(memory);
  }

  onRecord(span: Span, _fields: Fields, view: LayerView<State>): void {
    const state = view.get(span);
    if (state !== undefined) state.span.fields = objectOf(span.fields);
  }

  onClose(span: Span, view: LayerView<State>): void {
    const state = view.get(span);
    if (state === undefined) return;
    const failure = span.failure(state.lastError);
    state.span.result = failure === undefined ? 'success' : 'fail';
    const { reason, sources } = failure ?? UNEXPLAINED;
    hide(state.span, { reason, sources, end: new Date() });
  }

  onEvent(event: Event, view: LayerView<State>): void {
    const { level, target, message } = event;
    const visible = view.visible(event.parent);
    const state = visible && view.get(visible);
    if (state !== undefined && level === Level.ERROR) state.lastError = event;
    const kept = { level, target, message, fields: objectOf(event.fields) };
    hide(kept, { time: new Date() });
    (this.#parentOf(event.parent, view)?.events ?? this.#memory.events).push(kept as MemoryEvent);
  }

  #parentOf(span: Span | undefined, view: LayerView<State>): MemorySpan | undefined {
    const visible = view.visible(span);
    const kept = (visible && view.get(visible))?.span;
    return kept !== undefined && !this.#taken.has(kept) ? kept : undefined;
  }
}

/** Fields as an ordinary object; a field `__proto__` is an own property. */
function objectOf(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(fields.names.map((name, i) => [name, fields.values[i]]));
}

function hide(object: object, members: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(object, name, { value, enumerable: false, configurable: true });
  }
}
