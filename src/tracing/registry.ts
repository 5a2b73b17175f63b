import { isClass, LayerError, messageOf } from '../errors.ts';
import { anyOption, type Checks, functionOption, readOptions } from '../option.ts';
import { dispatch, type Hook, updateVerbosity } from './context.ts';
import type { Event } from './event.ts';
import type { Fields } from './fields.ts';
import { type FieldNames, type FilterInput, filterOf, isFilter } from './filter.ts';
import { GLOBAL, FilterSet, type ScopeLevels } from './filter-set.ts';
import {
  type Deadline,
  type Layer,
  layerOption,
  type LayerView,
  type Outcome,
  withinDeadline,
} from './layer.ts';
import { type Callback, type Ending, LayerSlot } from './layer-slot.ts';
import type { Callsite } from './callsite.ts';
import type { Metadata } from './metadata.ts';
import { guardedHandler, type ProblemHandler } from './problem-handler.ts';
import { type RedactOption, Redactor } from './redactor.ts';
import { disabledSpan, Span } from './span.ts';

export interface RegistryOptions {
  /**
   * Fields whose values no layer sees, besides those whose names say that they are secret (`adminPassword`,
   * `x-api-key`): a name at any depth in any case, also in Errors, or a path from a field on (`user.pin`,
   * `users.*.pin`). `{ only: […] }` takes the place of the default, `false` redacts nothing. Texts are not searched.
   * The rule: https://github.com/kvp-tracing/kvp-tracing/blob/main/docs/reference/redaction.md. Default `[]`.
   */
  redact?: RedactOption | undefined;
  /** Hears of problems, each layer's throwing once. Default: a line on stderr each. */
  onProblem?: ProblemHandler | undefined;
}

/** `Redactor` checks its option itself. */
const OPTIONS: Checks<RegistryOptions> = { redact: anyOption, onProblem: functionOption };

/** Each layer has one bit of a 32-bit number. */
const LAYERS_MAX = 31;
/** The bits of all layers. */
const ALL = -1;
/** How long after the deadline a layer may still report its outcome, in milliseconds. */
const GRACE = 100;

/** Calls one hook of a layer. What the hook is told comes as arguments: a closure for each call would cost as much as the call. */
type Tell<S, T = undefined> = (layer: Layer, view: LayerView, subject: S, more: T) => unknown;

const NEW_SPAN: Tell<Span> = (layer, view, span) => layer.onNewSpan?.(span, view);
const RECORD: Tell<Span, Fields> = (layer, view, span, fields) => layer.onRecord?.(span, fields, view);
const FOLLOWS: Tell<Span, Span> = (layer, view, span, from) => layer.onFollowsFrom?.(span, from, view);
const ENTER: Tell<Span> = (layer, view, span) => layer.onEnter?.(span, view);
const EXIT: Tell<Span> = (layer, view, span) => layer.onExit?.(span, view);
const CLOSE: Tell<Span> = (layer, view, span) => layer.onClose?.(span, view);
const EVENT: Tell<Event> = (layer, view, event) => layer.onEvent?.(event, view);
const CHILD_ENV: Tell<NodeJS.ProcessEnv> = (layer, _, env) => layer.childEnv?.(env);
const INJECT: Tell<Record<string, string>> = (layer, _, headers) => layer.inject?.(headers);
const ACTIVATE: Tell<Span | undefined> = (layer, view, span) => layer.activate?.(span, view);

/**
 * A subscriber: makes spans and passes spans and events to its layers, as their filters allow.
 *
 * @example
 * ```ts
 * const registry = new Registry({ redact: ['pin'] }).with(new StderrLayer({ filter: 'info' }));
 * setGlobalDefault(registry);
 * info('started');
 * await registry.shutdown();
 * ```
 */
export class Registry {
  /** Whether a layer needs `Span.busy`. @internal */
  timed = false;
  /** Whether a layer had the hook `onEnter` or `onExit` when it was added. */
  #hearsOfEntering = false;
  /** Identifies the current decisions of the filters: another object after each change. @internal */
  filterState: object = {};
  readonly #slots: LayerSlot[] = [];
  /** Those whose layer had the hook `run` when it was added. */
  #wrapping: readonly LayerSlot[] = [];
  readonly #filters = new FilterSet(
    (place, thrown) => this.#filterFailed(place, thrown),
    () => {
      this.filterState = this.#filters.state;
      updateVerbosity(this.#isScoped ? this.verbosity : 0);
    },
    (owner) => this.#slots.find(({ bit }) => bit === owner) ?? this.#filterHook,
  );
  readonly #onProblem: ProblemHandler;
  readonly #redactor: Redactor;
  readonly #onShutdown: (() => void)[] = [];
  #shutdown: Promise<Outcome> | undefined;
  /** The hook of the global filters. */
  readonly #filterHook: Hook = {
    suppress: () => {
      if (this.#filterEmitted) return;
      this.#filterEmitted = true;
      this.problem(
        new LayerError(
          'a filter emitted while it was deciding; what it emitted there is discarded. Emit behind it, as by queueMicrotask()',
        ),
      );
    },
  };
  #filterEmitted = false;
  #isScoped = false;
  #filterThrew = false;

  /** Throws `OptionError`. */
  constructor(options?: RegistryOptions) {
    const { onProblem, redact } = readOptions(OPTIONS, options);
    this.#onProblem = guardedHandler(onProblem);
    this.#redactor = new Redactor(redact);
  }

  /**
   * Adds a layer, or a filter that everything must pass, besides the filters that were added before. Hooks run in the
   * order of the layers. `null` and `undefined` are skipped. Throws `OptionError`, and `RangeError` for a 32nd layer.
   */
  with(given: Layer | FilterInput | null | undefined): this {
    if (given === null || given === undefined) return this;
    if (isFilter(given) || (typeof given !== 'object' && !isClass(given))) {
      this.#filters.add(filterOf(given));
      return this;
    }
    const layer = layerOption('layer', given);
    const index = this.#slots.length;
    if (index >= LAYERS_MAX) throw new RangeError(`a registry takes at most ${LAYERS_MAX} layers`);
    this.#put(layer, index);
    return this;
  }

  /** Puts a layer in the place of one that heard nothing. Throws `OptionError`. @internal */
  replace(old: Layer, given: Layer): void {
    this.#put(
      layerOption('layer', given),
      this.#slots.findIndex(({ layer }) => layer === old),
    );
  }

  #put(layer: Layer, index: number): void {
    const bit = 1 << index;
    this.#slots[index] = new LayerSlot(layer, this.#nameOf(layer, index), index, this.#onProblem);
    this.timed ||= layer.timed === true;
    this.#wrapping = this.#slots.filter(({ layer: { run } }) => run !== undefined);
    this.#hearsOfEntering ||= layer.onEnter !== undefined || layer.onExit !== undefined;
    layer.onFilterChange?.(() => this.#filters.set(bit, layer.filter));
    this.#filters.set(bit, layer.filter);
  }

  /** The name of the layer at `index`; the second layer with the same name is called `<name> 2`. */
  #nameOf(layer: Layer, index: number): string {
    const name = layer.name ?? layer.constructor?.name ?? 'a layer';
    const taken = new Set(this.#slots.filter((_, other) => other !== index).map((slot) => slot.name));
    let free = name;
    for (let number = 2; taken.has(free); number++) free = `${name} ${number}`;
    return free;
  }

  /** Sets the filter that everything must pass, in place of all that were added. Throws `OptionError`. */
  withFilter(filter: FilterInput): this {
    this.#filters.set(GLOBAL, filterOf(filter));
    return this;
  }

  /** Nothing more verbose than this passes. @internal */
  get verbosity(): number {
    return this.#filters.verbosity;
  }

  /** Which field names the filters need. @internal */
  get fieldNames(): Readonly<Record<Metadata['kind'], FieldNames>> {
    return this.#filters.fieldNames;
  }

  /** Must be called before `withDefault` uses the registry. @internal */
  becomeScopedDefault(): void {
    this.#isScoped = true;
    dispatch.hasScoped = true;
    updateVerbosity(this.verbosity);
  }

  /** The layers that want a span or event of this callsite in the current scope, as bits. @internal */
  enabledLayers(metadata: Callsite): number {
    return this.#filters.enabledLayers(metadata);
  }

  /** The layers that see a span. @internal */
  layersOf(span: Span): Layer[] {
    return this.#slots.filter(({ bit }) => (span.layerMask & bit) !== 0).map(({ layer }) => layer);
  }

  #filterFailed(place: number, thrown: unknown): void {
    const slot = this.#slots.find(({ bit }) => bit === place);
    if (slot !== undefined) return slot.threw(thrown);
    if (this.#filterThrew) return;
    this.#filterThrew = true;
    this.problem(new LayerError(`a filter threw: ${messageOf(thrown)}`, thrown));
  }

  /** Makes a span that the layers in `layerMask` see. Without a parent it is a root; `null` means that the caller asked for a root. @internal */
  newSpan(metadata: Metadata, fields: Fields, parent: Span | null | undefined, layerMask: number): Span {
    if (this.#isInHook()) return disabledSpan();
    this.redact(fields, true);
    const span = new Span(this, metadata, fields, parent, layerMask);
    span.filterMatches = this.#filters.matchesOf(metadata, fields, layerMask, span.filterMatches);
    this.#tell(layerMask, NEW_SPAN, span, undefined);
    return span;
  }

  /** Whether a hook runs right now. If one does, counts what is discarded because of that. */
  #isInHook(): boolean {
    dispatch.hook?.suppress();
    return dispatch.hook !== undefined;
  }

  /** Calls a hook of the layers in `layerMask`. What one throws does not reach the others. */
  #tell<S, T>(layerMask: number, tell: Tell<S, T>, subject: S, more: T): void {
    const { hook } = dispatch;
    try {
      for (const slot of this.#slots) {
        if ((layerMask & slot.bit) === 0) continue;
        dispatch.hook = slot;
        try {
          const answer = tell(slot.layer, slot.view, subject, more);
          if (answer !== undefined) slot.answered(answer);
        } catch (thrown) {
          slot.threw(thrown);
        }
      }
    } finally {
      dispatch.hook = hook;
    }
  }

  /** Replaces secrets among fields that layers are about to see; `isKept` says that they see them again later. @internal */
  redact(fields: Fields, isKept = false): void {
    this.#redactor.apply(fields, isKept);
  }

  /** A URL without credentials and without the values of secret parameters. @internal */
  redactedUrl(url: string): string {
    return this.#redactor.redactedUrl(url);
  }

  /** Replaces the secrets in a value that has no field name. @internal */
  redacted(value: unknown): unknown {
    return this.#redactor.redacted(value);
  }

  /** What filters let pass inside of `span` when it is entered in the scope `outer`. @internal */
  scopeLevels(span: Span, outer: ScopeLevels | undefined): ScopeLevels | undefined {
    if (!this.#filters.isDynamic || span.isClosed) return outer;
    span.filterMatches = this.#filters.matchesOf(
      span.metadata,
      span.fields,
      span.layerMask,
      span.filterMatches,
    );
    return this.#filters.enter(span.filterMatches, outer);
  }

  /** Passes recorded fields to the filters and layers that see the span. @internal */
  record(span: Span, fields: Fields): void {
    this.#filters.record(span.filterMatches, fields);
    if (!this.#isInHook()) this.#tell(span.layerMask, RECORD, span, fields);
  }

  /** Passes an event to the layers in `layerMask`. @internal */
  event(event: Event, layerMask: number): void {
    if (this.#isInHook()) return;
    this.redact(event.fields);
    this.#tell(layerMask, EVENT, event, undefined);
  }

  /** Tells the layers that see a span what caused it. @internal */
  followsFrom(span: Span, from: Span): void {
    if (!this.#isInHook()) this.#tell(span.layerMask, FOLLOWS, span, from);
  }

  /** Tells the layers that see a span that it is entered. Not called inside of a hook. @internal */
  enter(span: Span): void {
    if (this.#hearsOfEntering) this.#tell(span.layerMask, ENTER, span, undefined);
  }

  /** Tells the layers that see a span that it is left. Not called inside of a hook. @internal */
  exit(span: Span): void {
    if (this.#hearsOfEntering) this.#tell(span.layerMask, EXIT, span, undefined);
  }

  /** Calls `onClose` of the layers that see a span, also inside of a hook: a span closes only once. @internal */
  notifyOfClose(span: Span): void {
    this.#tell(span.layerMask, CLOSE, span, undefined);
  }

  /** Lets layers add the current context to the environment of a child process. @internal */
  childEnv(env: NodeJS.ProcessEnv): void {
    this.#tell(ALL, CHILD_ENV, env, undefined);
  }

  /** The current context, as headers of a request. @internal */
  contextHeaders(): Record<string, string> {
    const headers: Record<string, string> = {};
    this.#tell(ALL, INJECT, headers, undefined);
    return headers;
  }

  /** The caller's span that the headers of a request name, if a layer knows how to read them. @internal */
  callerIn(headers: object): Span | undefined {
    let caller: Span | undefined;
    this.#tell(ALL, (layer) => (caller ??= layer.extract?.(headers)), undefined, undefined);
    return caller;
  }

  /**
   * Makes `span`, or none, the current one of what runs from now on in this asynchronous execution; for callbacks of
   * Node.js that no function wraps. @internal
   */
  activate(span: Span | undefined): void {
    const outer = dispatch.storage.getStore();
    const none = {
      span: undefined,
      subscriber: outer?.subscriber,
      scope: undefined,
      carried: outer?.carried,
    };
    dispatch.storage.enterWith(span?.context(none) ?? none);
    this.#tell(ALL, ACTIVATE, span, undefined);
  }

  /** Whether the hook `run` of a layer must be called for a span. @internal */
  wraps(span: Span): boolean {
    for (const slot of this.#wrapping) if (isWrapping(slot, span)) return true;
    return false;
  }

  /** Calls the program's code inside of the hooks `run` of the layers that see the span. @internal */
  run(span: Span, fn: Callback, self?: unknown, args: ArrayLike<unknown> = [], from = 0): unknown {
    const slot = this.#wrapping[from];
    if (slot === undefined) return Reflect.apply(fn, self, args);
    if (!isWrapping(slot, span)) return this.run(span, fn, self, args, from + 1);
    if (from + 1 === this.#wrapping.length) return slot.run(span, fn, self, args);
    return slot.run(span, () => this.run(span, fn, self, args, from + 1), undefined, []);
  }

  /** Reports a problem of the package's own. Never throws. @internal */
  problem(problem: Error): void {
    this.#onProblem(problem);
  }

  /** Resolves when everything emitted so far is written, or at the deadline. Never rejects. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return withinDeadline(deadline, (own) => this.#all(own.timeout, (layer) => layer.flush?.(own)));
  }

  /** Shuts down all layers at the same time, within one deadline. Afterwards it is no longer the global default. Idempotent. Never rejects. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    if (this.#shutdown === undefined) {
      for (const act of this.#onShutdown) act();
      this.#shutdown = withinDeadline(deadline, (own) =>
        this.#all(own.timeout, (layer) => layer.shutdown?.(own)),
      );
    }
    return this.#shutdown;
  }

  get isShutDown(): boolean {
    return this.#shutdown !== undefined;
  }

  /** Calls `act` when a shutdown begins. @internal */
  onShutdown(act: () => void): void {
    this.#onShutdown.push(act);
  }

  /** The statistics of each layer by its name, with `throws` (how often it threw) and `suppressed` (how much it emitted in its own hooks, which is not passed on). */
  stats(): Record<string, unknown> {
    const stats: Record<string, unknown> = Object.create(null);
    for (const slot of this.#slots) stats[slot.name] = slot.stats();
    return stats;
  }

  async #all(timeout: number, end: Ending): Promise<Outcome> {
    const outcomes = await Promise.all(this.#slots.map((slot) => slot.outcome(timeout + GRACE, end)));
    const total: Outcome = { complete: true, dropped: 0, problems: [] };
    for (const outcome of outcomes) {
      if (outcome === undefined) continue;
      total.complete &&= outcome.complete;
      total.dropped += outcome.dropped;
      total.problems.push(...outcome.problems);
    }
    return total;
  }
}

/** Whether the hook `run` of a layer must be called for a span that the layer sees. */
function isWrapping({ bit, view }: LayerSlot, { layerMask, carried }: Span): boolean {
  return (layerMask & bit) !== 0 && (carried === undefined || !view.carries);
}
