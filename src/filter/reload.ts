import { isClass, OptionError } from '../errors.ts';
import type { Event } from '../tracing/event.ts';
import type { Fields } from '../tracing/fields.ts';
import {
  type FieldNames,
  type Filter,
  type FilterInput,
  filterOf,
  type SpanMatch,
  isFilter,
} from '../tracing/filter.ts';
import { type Deadline, type Layer, layerOption, LayerView, type Outcome } from '../tracing/layer.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';

/** Replaces the filter or layer that `reload` was given, at any time. */
export interface ReloadHandle<T> {
  /** Throws `OptionError` for what is neither a filter nor a layer. */
  reload(value: T): void;
}

/** A layer whose filter can be set, as a `BaseLayer`. */
interface Filterable {
  withFilter(filter: FilterInput): unknown;
}

/**
 * Makes a filter or a layer that can be replaced while spans are open: `[value, handle]`. Use the value in place of the
 * original.
 *
 * A new filter decides from the next span or event on. What it lets pass inside of a span counts from the next time
 * that the span is entered.
 *
 * A new layer sees the spans that are made from then on, and all events; the layer that it replaces is shut down. A
 * filter given to the handle of a layer becomes the filter of the current layer. Throws `OptionError` for what is
 * neither.
 *
 * @example
 * ```ts
 * const [filter, handle] = reload('info');
 * const layer = new StderrLayer({ filter });
 * handle.reload('debug');
 * ```
 */
export function reload(filter: FilterInput): [Filter, ReloadHandle<FilterInput>];
export function reload(layer: Layer): [Layer, ReloadHandle<Layer | FilterInput>];
export function reload(value: Layer | FilterInput): [Filter | Layer, ReloadHandle<never>] {
  if (isNoFilter(value)) {
    const layer = new ReloadableLayer(layerOption('layer', value));
    return [layer, { reload: (next: Layer | FilterInput) => layer.reload(next) }];
  }
  const filter = new ReloadableFilter(filterOf(value));
  return [filter, { reload: (next: FilterInput) => filter.reload(filterOf(next)) }];
}

function isNoFilter(value: Layer | FilterInput): value is Layer {
  return (typeof value === 'object' && value !== null && !isFilter(value)) || isClass(value);
}

/** `Required`: a member that is added to `Filter` and not forwarded here is a type error. */
class ReloadableFilter implements Required<Filter> {
  #filter: Filter;
  readonly #listeners: (() => void)[] = [];

  constructor(filter: Filter) {
    this.#filter = filter;
    this.#watch(filter);
  }

  reload(filter: Filter): void {
    if (filter === this || filter === this.#filter) return;
    this.#filter = filter;
    this.#watch(filter);
    this.#changed();
  }

  #watch(filter: Filter): void {
    filter.onChange?.(() => {
      if (filter === this.#filter) this.#changed();
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  get verbosity(): number {
    return this.#filter.verbosity;
  }

  enabled(metadata: Metadata): boolean {
    return this.#filter.enabled(metadata);
  }

  fieldNames(kind: Metadata['kind']): FieldNames {
    return this.#filter.fieldNames?.(kind) ?? 'given';
  }

  get onSpan(): ((span: Metadata, fields: Fields) => SpanMatch | undefined) | undefined {
    return this.#filter.onSpan?.bind(this.#filter);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

/** A layer's state of a span, and the layer: it was the current one when the span was made. */
interface LayerState {
  readonly layer: Layer;
  state: unknown;
}

/** The current layer's view: it sees only the spans that were made since it became the current one. */
class CurrentLayerView extends LayerView {
  readonly #outer: LayerView<LayerState>;
  readonly #layer: Layer;

  constructor(outer: LayerView<LayerState>, layer: Layer) {
    super(outer.index);
    this.#outer = outer;
    this.#layer = layer;
  }

  isOf(layer: Layer, outer: LayerView<LayerState>): boolean {
    return this.#layer === layer && this.#outer === outer;
  }

  knows(span: Span): boolean {
    return this.#outer.get(span)?.layer === this.#layer;
  }

  override visible(span: Span | undefined): Span | undefined {
    let at = this.#outer.visible(span);
    while (at !== undefined && !this.knows(at)) at = this.#outer.visible(at.parent);
    return at;
  }

  override get(span: Span): unknown {
    return this.knows(span) ? this.#outer.get(span)?.state : undefined;
  }

  override set(span: Span, state: unknown): void {
    this.#outer.set(span, { layer: this.#layer, state });
  }

  /** The layer after this one may need them. */
  override ignoreEvents(): void {}
}

/** `Required`: a member that is added to `Layer` and not forwarded here is a type error. */
class ReloadableLayer implements Required<Layer<LayerState>> {
  readonly name: string;
  /** Always `true`: a later layer may need `Span.busy`, which must be measured from a span's start. */
  readonly timed = true;
  #layer: Layer;
  readonly #filterListeners: (() => void)[] = [];
  #view: CurrentLayerView | undefined;

  constructor(layer: Layer) {
    this.#layer = layer;
    this.name = layer.name ?? layer.constructor?.name ?? 'a layer';
    this.#watch();
  }

  reload(next: Layer | FilterInput): void {
    const layer = this.#layer;
    if (!isNoFilter(next)) {
      if (typeof (layer as Partial<Filterable>).withFilter !== 'function') {
        throw new OptionError('filter', next, `a layer, for ${this.name} has no withFilter`);
      }
      (layer as unknown as Filterable).withFilter(next);
      return;
    }
    if (next === layer || next === this) return;
    this.#layer = layerOption('layer', next);
    this.#watch();
    this.#filterChanged();
    void end(layer);
  }

  #watch(): void {
    const layer = this.#layer;
    layer.onFilterChange?.(() => {
      if (layer === this.#layer) this.#filterChanged();
    });
  }

  #filterChanged(): void {
    for (const listener of this.#filterListeners) listener();
  }

  /** The view of the current layer. */
  #viewOf(outer: LayerView<LayerState>): CurrentLayerView {
    if (this.#view?.isOf(this.#layer, outer) !== true) this.#view = new CurrentLayerView(outer, this.#layer);
    return this.#view as CurrentLayerView;
  }

  get filter(): Filter | undefined {
    return this.#layer.filter;
  }

  get spanFile(): string | undefined {
    return this.#layer.spanFile;
  }

  onFilterChange(listener: () => void): void {
    this.#filterListeners.push(listener);
  }

  onNewSpan(span: Span, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    view.set(span, undefined);
    this.#layer.onNewSpan?.(span, view);
  }

  onRecord(span: Span, fields: Fields, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    if (view.knows(span)) this.#layer.onRecord?.(span, fields, view);
  }

  onFollowsFrom(span: Span, from: Span, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    if (view.knows(span)) this.#layer.onFollowsFrom?.(span, from, view);
  }

  onEnter(span: Span, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    if (view.knows(span)) this.#layer.onEnter?.(span, view);
  }

  onExit(span: Span, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    if (view.knows(span)) this.#layer.onExit?.(span, view);
  }

  onClose(span: Span, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    if (view.knows(span)) this.#layer.onClose?.(span, view);
  }

  onEvent(event: Event, outer: LayerView<LayerState>): void {
    this.#layer.onEvent?.(event, this.#viewOf(outer));
  }

  run<R>(span: Span, fn: () => R, outer: LayerView<LayerState>): R {
    const view = this.#viewOf(outer);
    if (this.#layer.run === undefined || !view.knows(span)) return fn();
    return this.#layer.run(span, fn, view);
  }

  childEnv(env: NodeJS.ProcessEnv): void {
    this.#layer.childEnv?.(env);
  }

  inject(headers: Record<string, string>): void {
    this.#layer.inject?.(headers);
  }

  extract(headers: object): Span | undefined {
    return this.#layer.extract?.(headers);
  }

  activate(span: Span | undefined, outer: LayerView<LayerState>): void {
    const view = this.#viewOf(outer);
    this.#layer.activate?.(span !== undefined && view.knows(span) ? span : undefined, view);
  }

  flush(deadline?: Deadline): Promise<Outcome> {
    return this.#layer.flush?.(deadline) ?? DONE;
  }

  shutdown(deadline?: Deadline): Promise<Outcome> {
    return this.#layer.shutdown?.(deadline) ?? DONE;
  }

  stats(): unknown {
    return this.#layer.stats?.();
  }
}

/** Shuts down a layer that was replaced. It reports its problems itself. */
async function end(layer: Layer): Promise<void> {
  try {
    await layer.shutdown?.();
  } catch {
    // There is no caller that waits for it.
  }
}

const DONE: Promise<Outcome> = Promise.resolve({ complete: true, dropped: 0, problems: [] });
