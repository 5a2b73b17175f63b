import { isError, OptionError } from '../errors.ts';
import { type Checks, isPlain, millisecondsOption, readOptions } from '../option.ts';
import type { Event } from './event.ts';
import type { Fields } from './fields.ts';
import { type Filter, type FilterInput, filterOf, isFilter } from './filter.ts';
import type { Span } from './span.ts';

/** The result of a flush or a shutdown, which never reject. */
export interface Outcome {
  /** Whether everything emitted before was written, or is counted in `dropped`. */
  complete: boolean;
  /** How many spans and events were lost so far. */
  dropped: number;
  /** The errors. */
  problems: Error[];
}

export interface Deadline {
  /** The longest time to wait, in milliseconds. Default `5000`. */
  timeout?: number | undefined;
}

/** A time that is over ends at once. */
const DEADLINE: Checks<Deadline> = {
  timeout: (option, given) => (Number(given) < 0 ? 0 : millisecondsOption(option, given)),
};
/** How long a flush or shutdown waits without a deadline, in milliseconds. */
const TIMEOUT = 5000;

/**
 * Flushes or shuts down by `act` within a deadline. A flush never rejects, so a deadline that is none is among the
 * outcome's problems, and the default applies.
 */
export async function withinDeadline(
  deadline: Deadline | undefined,
  act: (deadline: { readonly timeout: number }) => Promise<Outcome>,
): Promise<Outcome> {
  const wrong: Error[] = [];
  let timeout: number | undefined;
  try {
    ({ timeout } = readOptions(DEADLINE, deadline, 'deadline'));
  } catch (thrown) {
    if (isError(thrown)) wrong.push(thrown);
  }
  const outcome = await act({ timeout: timeout ?? TIMEOUT });
  return wrong.length === 0 ? outcome : { ...outcome, problems: [...wrong, ...outcome.problems] };
}

/**
 * A destination of spans and events. Every hook is optional. What a hook throws reaches neither the caller nor other
 * layers. The last argument is the layer's view of the registry, which also keeps its state of each span.
 */
export interface Layer<State = unknown> {
  /** The layer's name in problems and statistics. Default: the name of its class. */
  readonly name?: string;
  /** Which spans and events the layer sees. Read when the layer is added, and after each change that it reports. Default: all. */
  readonly filter?: Filter | undefined;
  /** Registers a listener, to be called after each change of `filter`. */
  onFilterChange?(listener: () => void): void;
  /** Whether spans measure how long they are entered; see `Span.busy`. Default `false`. */
  readonly timed?: boolean;
  /** The absolute path of the pool that the layer writes spans to. `KvpSpanProcessor` does not write them there a second time. Default: none. */
  readonly spanFile?: string | undefined;

  onNewSpan?(span: Span, view: LayerView<State>): void;
  onRecord?(span: Span, fields: Fields, view: LayerView<State>): void;
  onFollowsFrom?(span: Span, from: Span, view: LayerView<State>): void;
  onEnter?(span: Span, view: LayerView<State>): void;
  onExit?(span: Span, view: LayerView<State>): void;
  onClose?(span: Span, view: LayerView<State>): void;
  onEvent?(event: Event, view: LayerView<State>): void;
  /** Runs `fn`, the program's code inside of the span, exactly once, and returns what it returns. */
  run?<R>(span: Span, fn: () => R, view: LayerView<State>): R;
  /** Adds the current context to the environment of a child process. */
  childEnv?(env: NodeJS.ProcessEnv): void;
  /** Adds the current context to the headers of a request. */
  inject?(headers: Record<string, string>): void;
  /** The caller's span that the headers of a request name, to be the parent of new spans. */
  extract?(headers: object): Span | undefined;
  /** Makes the context of a span, or of none, the current one of what runs from now on in this asynchronous execution. */
  activate?(span: Span | undefined, view: LayerView<State>): void;

  flush?(deadline?: Deadline): Promise<Outcome>;
  shutdown?(deadline?: Deadline): Promise<Outcome>;
  stats?(): unknown;
}

const HOOKS = [
  'onNewSpan',
  'onRecord',
  'onFollowsFrom',
  'onEnter',
  'onExit',
  'onClose',
  'onEvent',
  'run',
  'childEnv',
  'inject',
  'extract',
  'activate',
  'flush',
  'shutdown',
  'stats',
] as const satisfies readonly (keyof Layer)[];

/** What a layer is, for errors. */
const LAYER = 'a layer, an object whose hooks are functions and whose filter is one, or a filter';

/** Whether it is a layer: an object whose hooks, if it has some, are functions. A class is none, but an instance may be. */
function isLayer(given: unknown): given is Layer {
  if (typeof given !== 'object' || given === null || isFilter(given)) return false;
  const layer = given as Layer;
  const hooks = HOOKS.map((name) => layer[name]).filter((hook) => hook !== undefined);
  return (
    (hooks.length > 0 || isPlain(given)) &&
    hooks.every((hook) => typeof hook === 'function') &&
    (layer.filter === undefined || isFilter(layer.filter))
  );
}

/** Checks a layer or what is no filter either. Throws `OptionError`. */
export function layerOption(option: string, given: unknown): Layer {
  if (isLayer(given)) return given;
  throw new OptionError(option, given, LAYER);
}

/** What a layer sees of its registry, and the layer's state of spans. */
export class LayerView<State = unknown> {
  /** The layer's index in the registry. @internal */
  readonly index: number;
  /** Whether the layer has something carried: spans that carry something do not need its hook `run`. @internal */
  carries = false;
  readonly #bit: number;

  /** @internal */
  constructor(index: number) {
    this.index = index;
    this.#bit = 1 << index;
  }

  /** The nearest span that this layer sees: the span itself or one of its ancestors. */
  visible(span: Span | undefined): Span | undefined {
    while (span !== undefined && (span.layerMask & this.#bit) === 0) span = span.parent;
    return span;
  }

  /** The span and its ancestors, as far as this layer sees them, root first. */
  scope(span: Span | undefined): Span[] {
    const scope: Span[] = [];
    for (let at = this.visible(span); at !== undefined; at = this.visible(at.parent)) scope.push(at);
    return scope.reverse();
  }

  /** The layer's state of a span. */
  get(span: Span): State | undefined {
    return span.extensions[this.index] as State | undefined;
  }

  set(span: Span, state: State): void {
    span.extensions[this.index] = state;
  }

  /** Says that the layer needs no events of this span while it is open: their fields are not read for it. @internal */
  ignoreEvents(span: Span): void {
    span.ignoredBy |= this.#bit;
  }

  /** Has the code inside of a span carry something; the layer's hook `run` is not called for that span then. @internal */
  carry(span: Span, carried: unknown): void {
    span.carried = carried;
    this.carries = true;
  }
}

/**
 * A base class for layers: a filter that can be changed.
 *
 * @example
 * ```ts
 * class Counter extends BaseLayer {
 *   readonly name = 'Counter';
 *   events = 0;
 *   onEvent(): void {
 *     this.events++;
 *   }
 * }
 * const registry = new Registry().with(new Counter('warn'));
 * ```
 */
export abstract class BaseLayer {
  abstract readonly name: string;
  filter: Filter | undefined;
  readonly #filterListeners: (() => void)[] = [];

  constructor(filter?: FilterInput) {
    this.filter = filter === undefined ? undefined : filterOf(filter);
  }

  /** Sets which spans and events this layer sees. Returns the layer. Throws `OptionError`. */
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
