import type { Event } from './event.ts';
import type { Fields } from './fields.ts';
import { type Filter, type FilterInput, filterOf } from './filter.ts';
import type { Span } from './span.ts';

/** What a flush or a shutdown came to. It never rejects. */
export interface Outcome {
  /** Whether everything accepted before is where it should be, or is counted in `dropped`. */
  complete: boolean;
  /** How many spans and events were lost so far. */
  dropped: number;
  /** What went wrong. */
  problems: Error[];
}

export interface Deadline {
  /** How long to wait at most, in milliseconds. Default `5000`. */
  timeout?: number;
}

/**
 * Where spans and events go. Every hook is optional; a hook that throws harms neither the caller nor
 * other layers. The second argument says what of the registry this layer sees and keeps its state.
 */
export interface Layer<State = unknown> {
  /** Says which layer it is in problems and statistics. Default: the name of its class. */
  readonly name?: string;
  /** Which spans and events it sees; looked at when it is added and when it says so. Default: all. */
  readonly filter?: Filter | undefined;
  /** How a registry hears that the filter was changed. */
  onFilterChange?(listener: () => void): void;
  /** Whether spans should measure how long they are entered; see `Span.busy`. Default `false`. */
  readonly timed?: boolean;
  /** The file that it writes spans to, from the root on; `KvpSpanProcessor` does not write them there once more. Default: none. */
  readonly spanFile?: string | undefined;

  onNewSpan?(span: Span, view: LayerView<State>): void;
  onRecord?(span: Span, fields: Fields, view: LayerView<State>): void;
  onFollowsFrom?(span: Span, from: Span, view: LayerView<State>): void;
  onEnter?(span: Span, view: LayerView<State>): void;
  onExit?(span: Span, view: LayerView<State>): void;
  onClose?(span: Span, view: LayerView<State>): void;
  onEvent?(event: Event, view: LayerView<State>): void;
  /** Runs `fn`, the user's code inside of the span, exactly once, and returns what it returns. */
  run?<R>(span: Span, fn: () => R, view: LayerView<State>): R;
  /** Adds to the environment of a child process what ties that to what runs here now. */
  childEnv?(env: NodeJS.ProcessEnv): void;

  flush?(deadline?: Deadline): Promise<Outcome>;
  shutdown?(deadline?: Deadline): Promise<Outcome>;
  stats?(): unknown;
}

/** A layer's view of the registry it is in. */
export class LayerView<State = unknown> {
  /** The layer's place in the registry. @internal */
  readonly index: number;
  readonly #bit: number;

  /** @internal */
  constructor(index: number) {
    this.index = index;
    this.#bit = 1 << index;
  }

  /** The span itself or its nearest ancestor that this layer sees. */
  visible(span: Span | undefined): Span | undefined {
    while (span !== undefined && (span.layerMask & this.#bit) === 0) span = span.parent;
    return span;
  }

  /** The span and its ancestors that this layer sees, root first. */
  scope(span: Span | undefined): Span[] {
    const scope: Span[] = [];
    for (let at = this.visible(span); at !== undefined; at = this.visible(at.parent)) scope.push(at);
    return scope.reverse();
  }

  /** What this layer keeps with a span. */
  get(span: Span): State | undefined {
    return span.extensions[this.index] as State | undefined;
  }

  set(span: Span, state: State): void {
    span.extensions[this.index] = state;
  }
}

/** Base of the layers here: a name and a filter. */
export abstract class BaseLayer {
  abstract readonly name: string;
  filter: Filter | undefined;
  readonly #filterListeners: (() => void)[] = [];

  constructor(filter?: FilterInput) {
    this.filter = filter === undefined ? undefined : filterOf(filter);
  }

  /** Sets which spans and events this layer sees, and returns it. */
  withFilter(filter: FilterInput): this {
    this.filter = filterOf(filter);
    for (const listener of this.#filterListeners) listener();
    return this;
  }

  /** Calls `listener` after each change of the filter. */
  onFilterChange(listener: () => void): void {
    this.#filterListeners.push(listener);
  }
}
