import { LayerError, messageOf } from '../errors.ts';
import { updateVerbosity } from './context.ts';
import type { Event } from './event.ts';
import type { Fields } from './fields.ts';
import { type Filter, type FilterInput, filterOf } from './filter.ts';
import { type Deadline, type Layer, LayerView, type Outcome } from './layer.ts';
import type { Metadata } from './metadata.ts';
import { guarded, type ProblemHandler } from './problem.ts';
import { REDACTED_NAMES, Redactor } from './redact.ts';
import { Span } from './span.ts';

export interface RegistryOptions {
  /**
   * Fields whose values no layer sees: a name at any depth in any case, also in Errors, or a path from a field on
   * (`user.pin`, `users.*.pin`). Texts are not searched. Default `['password', 'passwd', 'secret', 'token', 'authorization']`.
   */
  redact?: readonly string[];
  /** Hears of problems, each layer's throwing once. Default: a line on stderr each. */
  onProblem?: ProblemHandler;
}

interface Slot {
  readonly layer: Layer;
  readonly name: string;
  readonly view: LayerView;
  readonly bit: number;
  throws: number;
}

/** Layers are marked by the bits of a number. */
const LAYERS_MAX = 31;
/** How long a flush or shutdown waits by default, in milliseconds. */
const TIMEOUT = 5000;
/** What a layer that keeps the deadline may need on top to tell how far it came. */
const GRACE = 100;

/** Makes spans, knows the layers, tells them what happens. */
export class Registry {
  /** Nothing more verbose than this passes. */
  verbosity = 0;
  /** Whether some layer wants to know how long spans are entered. */
  timed = false;
  /** Whether some layer wraps the user's code. */
  wraps = false;
  readonly #slots: Slot[] = [];
  #filter: Filter | undefined;
  readonly #onProblem: ProblemHandler;
  readonly #redactor: Redactor;
  readonly #onShutdown: (() => void)[] = [];
  #shutdown: Promise<Outcome> | undefined;
  #isScoped = false;
  #filterThrew = false;

  /** Throws `OptionError`. */
  constructor(options: RegistryOptions = {}) {
    const { redact = REDACTED_NAMES } = options;
    this.#onProblem = guarded(options.onProblem);
    this.#redactor = new Redactor(redact);
  }

  /** Adds a layer; hooks run in this order. `null` and `undefined` are skipped. */
  with(layer: Layer | null | undefined): this {
    if (layer === null || layer === undefined) return this;
    const index = this.#slots.length;
    if (index >= LAYERS_MAX) throw new RangeError(`a registry takes at most ${LAYERS_MAX} layers`);
    const name = this.#nameOf(layer);
    this.#slots.push({ layer, name, view: new LayerView(index), bit: 1 << index, throws: 0 });
    this.timed ||= layer.timed === true;
    this.wraps ||= layer.run !== undefined;
    layer.onFilterChange?.(() => this.#update());
    this.#update();
    return this;
  }

  /** Its name; the second of one name is that with a 2. */
  #nameOf(layer: Layer): string {
    const name = layer.name ?? layer.constructor?.name ?? 'a layer';
    const taken = this.#slots.filter((slot) => slot.name === name || slot.name.startsWith(`${name} `)).length;
    return taken === 0 ? name : `${name} ${taken + 1}`;
  }

  /** Sets what passes to any layer at all. */
  withFilter(filter: FilterInput): this {
    this.#filter = filterOf(filter);
    this.#update();
    return this;
  }

  #update(): void {
    const most = Math.max(0, ...this.#slots.map((slot) => slot.layer.filter?.verbosity ?? 5));
    this.verbosity = Math.min(most, this.#filter?.verbosity ?? 5);
    updateVerbosity(this.#isScoped ? this.verbosity : 0);
  }

  /** Called when `withDefault` puts it in place of the global one somewhere. */
  enterScope(): void {
    this.#isScoped = true;
    updateVerbosity(this.verbosity);
  }

  /** Which layers want a span or event with this metadata, as bits. */
  interest(metadata: Metadata): number {
    if (metadata.verbosity > this.verbosity) return 0;
    let bits = 0;
    try {
      if (this.#filter !== undefined && !this.#filter.enabled(metadata)) return 0;
    } catch (thrown) {
      if (this.#filterThrew) return 0;
      this.#filterThrew = true;
      this.problem(new LayerError(`a filter threw: ${messageOf(thrown)}`, thrown));
      return 0;
    }
    for (const slot of this.#slots) {
      try {
        if (slot.layer.filter === undefined || slot.layer.filter.enabled(metadata)) bits |= slot.bit;
      } catch (thrown) {
        this.#threw(slot, thrown);
      }
    }
    return bits;
  }

  /** Makes a span that the layers in `seenBy` see; a parent of `null` makes a root. */
  newSpan(metadata: Metadata, fields: Fields, parent: Span | null | undefined, seenBy: number): Span {
    this.redact(fields);
    const span = new Span(this, metadata, fields, parent, seenBy);
    for (const slot of this.#slots) {
      if ((seenBy & slot.bit) === 0 || slot.layer.onNewSpan === undefined) continue;
      try {
        slot.layer.onNewSpan(span, slot.view);
      } catch (thrown) {
        this.#threw(slot, thrown);
      }
    }
    return span;
  }

  /** Replaces secrets among fields that layers are about to see. */
  redact(fields: Fields): void {
    this.#redactor.apply(fields);
  }

  /** Tells the layers in `seenBy` of an event. */
  event(event: Event, seenBy: number): void {
    this.redact(event.fields);
    for (const slot of this.#slots) {
      if ((seenBy & slot.bit) === 0 || slot.layer.onEvent === undefined) continue;
      try {
        slot.layer.onEvent(event, slot.view);
      } catch (thrown) {
        this.#threw(slot, thrown);
      }
    }
  }

  /** Tells the layers that see a span what happened to it. */
  notify(span: Span, tell: (layer: Layer, view: LayerView) => void): void {
    for (const slot of this.#slots) {
      if ((span.seenBy & slot.bit) === 0) continue;
      try {
        tell(slot.layer, slot.view);
      } catch (thrown) {
        this.#threw(slot, thrown);
      }
    }
  }

  /** Runs the user's code inside of whatever the layers that see the span wrap around it. */
  run<R>(span: Span, fn: () => R): R {
    let wrapped = fn;
    for (const slot of this.#slots.toReversed()) {
      if ((span.seenBy & slot.bit) === 0 || slot.layer.run === undefined) continue;
      wrapped = this.#wrap(slot, span, wrapped);
    }
    return wrapped();
  }

  /** What the user's code throws must pass; what the layer throws must neither pass nor stop the code. */
  #wrap<R>(slot: Slot, span: Span, fn: () => R): () => R {
    return () => {
      let ran: { result: R } | { thrown: unknown } | undefined;
      const once = (): R => {
        // A layer that calls it again, even later, hears the same again.
        if (ran === undefined) {
          try {
            ran = { result: fn() };
          } catch (thrown) {
            ran = { thrown };
          }
        }
        if ('thrown' in ran) throw ran.thrown;
        return ran.result;
      };
      const outcome = () => ran;
      try {
        slot.layer.run?.(span, once, slot.view);
      } catch (thrown) {
        const after = outcome();
        if (after === undefined || !('thrown' in after) || !Object.is(after.thrown, thrown))
          this.#threw(slot, thrown);
      }
      return once();
    };
  }

  #threw(slot: Slot, thrown: unknown): void {
    slot.throws++;
    if (slot.throws > 1) return;
    this.problem(new LayerError(`${slot.name} threw: ${messageOf(thrown)}; it stays in use`, thrown));
  }

  /** Reports a problem of the package's own; never throws. */
  problem(problem: Error): void {
    this.#onProblem(problem);
  }

  /** Resolves when everything emitted so far is where it goes, or at the deadline. Never rejects. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return this.#all(deadline, (layer) => layer.flush?.(deadline));
  }

  /** Ends all layers at once, within one deadline, and makes room for another subscriber. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    if (this.#shutdown === undefined) {
      for (const act of this.#onShutdown) act();
      this.#shutdown = this.#all(deadline, (layer) => layer.shutdown?.(deadline));
    }
    return this.#shutdown;
  }

  /** Runs `act` when a shutdown begins. */
  onShutdown(act: () => void): void {
    this.#onShutdown.push(act);
  }

  /** What each layer says of itself, by its name, and how often each threw. */
  stats(): Record<string, unknown> {
    const stats: Record<string, unknown> = Object.create(null);
    for (const slot of this.#slots) {
      let own: unknown;
      try {
        own = slot.layer.stats?.();
      } catch (thrown) {
        this.#threw(slot, thrown);
      }
      stats[slot.name] = { ...(own as object | undefined), throws: slot.throws };
    }
    return stats;
  }

  async #all(
    { timeout = TIMEOUT }: Deadline = {},
    end: (layer: Layer) => Promise<Outcome> | undefined,
  ): Promise<Outcome> {
    const outcomes = await Promise.all(
      this.#slots.map(async ({ layer, name }): Promise<Outcome | undefined> => {
        try {
          return await within(timeout + GRACE, end(layer));
        } catch (thrown) {
          const problem = new LayerError(`${name} could not finish: ${messageOf(thrown)}`, thrown);
          return { complete: false, dropped: 0, problems: [problem] };
        }
      }),
    );
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

/** A timer of Node.js takes no more. */
const TIMER_MAX = 2 ** 31 - 1;

/** What `ending` resolves to; rejects when it takes longer. */
async function within<R>(milliseconds: number, ending: Promise<R> | undefined): Promise<R | undefined> {
  if (ending === undefined) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const most = Math.min(milliseconds, TIMER_MAX);
    timer = setTimeout(() => reject(new Error(`it took over ${milliseconds} ms`)), most);
  });
  try {
    return await Promise.race([ending, late]);
  } finally {
    clearTimeout(timer);
  }
}
