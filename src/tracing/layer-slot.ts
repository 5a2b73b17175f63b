import { isPromise } from 'node:util/types';
import { isError, LayerError, messageOf } from '../errors.ts';
import { dispatch, type Hook } from './context.ts';
import { type Layer, LayerView, type Outcome } from './layer.ts';
import type { ProblemHandler } from './problem-handler.ts';
import type { Span } from './span.ts';
import { within } from './within.ts';

/** A function of the program. */
export type Callback = (this: unknown, ...args: unknown[]) => unknown;

/** Has a layer flush or shut down. */
export type Ending = (layer: Layer) => Promise<Outcome> | undefined;

/** A layer in its registry. What it throws, and what it emits inside of its own hooks, is counted and reported once. */
export class LayerSlot implements Hook {
  readonly layer: Layer;
  readonly name: string;
  readonly view: LayerView;
  readonly bit: number;
  readonly #onProblem: ProblemHandler;
  #throws = 0;
  #suppressed = 0;

  constructor(layer: Layer, name: string, index: number, onProblem: ProblemHandler) {
    this.layer = layer;
    this.name = name;
    this.view = new LayerView(index);
    this.bit = 1 << index;
    this.#onProblem = onProblem;
  }

  threw(thrown: unknown): void {
    this.#throws++;
    if (this.#throws > 1) return;
    this.#onProblem(new LayerError(`${this.name} threw: ${messageOf(thrown)}; it stays in use`, thrown));
  }

  /** A hook has answered with something: if it is a promise, nobody else hears that it was rejected. */
  answered(answer: unknown): void {
    if (isPromise(answer)) answer.catch((reason: unknown) => this.threw(reason));
  }

  suppress(): void {
    this.#suppressed++;
    if (this.#suppressed > 1) return;
    this.#onProblem(
      new LayerError(
        `${this.name} emitted inside of its own hook; what it emitted there is discarded. Emit behind it, as by queueMicrotask()`,
      ),
    );
  }

  /**
   * Calls `fn` inside of the layer's hook `run`. What the program's code throws reaches the caller. What the layer throws
   * does not, and the code runs in any case.
   */
  run(span: Span, fn: Callback, self: unknown, args: ArrayLike<unknown>): unknown {
    const { hook } = dispatch;
    const once = new Once(fn, self, args, hook);
    dispatch.hook = this;
    try {
      this.layer.run?.(span, () => once.run(), this.view);
    } catch (thrown) {
      if (!once.hasThrown(thrown)) this.threw(thrown);
    } finally {
      dispatch.hook = hook;
    }
    return once.run();
  }

  /** What a flush or shutdown of the layer came to, after so many milliseconds at the latest. Never rejects. */
  async outcome(milliseconds: number, end: Ending): Promise<Outcome | undefined> {
    try {
      const ending = end(this.layer);
      return this.#checked(ending && (await within(milliseconds, ending)));
    } catch (thrown) {
      const problem = new LayerError(`${this.name} could not finish: ${messageOf(thrown)}`, thrown);
      return { complete: false, dropped: 0, problems: [problem] };
    }
  }

  /** A copy of what a layer says of its end, which its own code may get wrong. Throws what reading it throws. */
  #checked(outcome: Outcome | undefined): Outcome | undefined {
    if (outcome === undefined || outcome === null) return undefined;
    const { complete, dropped, problems } = outcome;
    if (typeof complete === 'boolean' && typeof dropped === 'number' && Array.isArray(problems))
      return { complete, dropped: dropped || 0, problems: problems.filter(isError) };
    throw new LayerError(`its outcome needs complete (a boolean), dropped (a number) and problems (a list)`);
  }

  /** The layer's own statistics, how often it threw, and how much it emitted inside of its own hooks. */
  stats(): object {
    let own: object | undefined;
    try {
      own = { ...(this.layer.stats?.() as object | undefined) };
    } catch (thrown) {
      this.threw(thrown);
    }
    return { ...own, throws: this.#throws, suppressed: this.#suppressed };
  }
}

/** The program's code, which runs once, outside of any hook: a layer that calls it again, even later, gets the same outcome. */
class Once {
  readonly #fn: Callback;
  readonly #self: unknown;
  readonly #args: ArrayLike<unknown>;
  readonly #outside: Hook | undefined;
  #state: 'waiting' | 'returned' | 'threw' = 'waiting';
  #outcome: unknown;

  constructor(fn: Callback, self: unknown, args: ArrayLike<unknown>, outside: Hook | undefined) {
    this.#fn = fn;
    this.#self = self;
    this.#args = args;
    this.#outside = outside;
  }

  run(): unknown {
    if (this.#state === 'waiting') this.#first();
    if (this.#state === 'threw') throw this.#outcome;
    return this.#outcome;
  }

  #first(): void {
    const inside = dispatch.hook;
    dispatch.hook = this.#outside;
    try {
      this.#outcome = Reflect.apply(this.#fn, this.#self, this.#args);
      this.#state = 'returned';
    } catch (thrown) {
      this.#outcome = thrown;
      this.#state = 'threw';
    } finally {
      dispatch.hook = inside;
    }
  }

  hasThrown(thrown: unknown): boolean {
    return this.#state === 'threw' && Object.is(this.#outcome, thrown);
  }
}
