import { LayerError, messageOf } from '../errors.ts';
import { dispatch, type Hook } from './context.ts';
import { type Layer, LayerView, type Outcome } from './layer.ts';
import type { ProblemHandler } from './problem-handler.ts';
import type { Span } from './span.ts';
import { within } from './within.ts';

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

  suppress(): void {
    this.#suppressed++;
    if (this.#suppressed > 1) return;
    this.#onProblem(
      new LayerError(`${this.name} emitted inside of its own hook; what it emitted there is discarded. Emit behind it, as by queueMicrotask()`),
    );
  }

  /**
   * `fn` inside of the layer's hook `run`. What the program's code throws reaches the caller. What the layer throws
   * does not, and the code runs in any case.
   */
  wrap<R>(span: Span, fn: () => R): () => R {
    return () => {
      const { hook } = dispatch;
      let ran: { result: R } | { thrown: unknown } | undefined;
      const once = (): R => {
        // A layer that calls it again, even later, gets the same outcome again.
        if (ran === undefined) {
          const inside = dispatch.hook;
          dispatch.hook = hook;
          try {
            ran = { result: fn() };
          } catch (thrown) {
            ran = { thrown };
          } finally {
            dispatch.hook = inside;
          }
        }
        if ('thrown' in ran) throw ran.thrown;
        return ran.result;
      };
      const outcome = () => ran;
      dispatch.hook = this;
      try {
        this.layer.run?.(span, once, this.view);
      } catch (thrown) {
        const after = outcome();
        if (after === undefined || !('thrown' in after) || !Object.is(after.thrown, thrown))
          this.threw(thrown);
      } finally {
        dispatch.hook = hook;
      }
      return once();
    };
  }

  /** What a flush or shutdown of the layer came to, after so many milliseconds at the latest. Never rejects. */
  async outcome(milliseconds: number, end: Ending): Promise<Outcome | undefined> {
    try {
      const ending = end(this.layer);
      return ending && (await within(milliseconds, ending));
    } catch (thrown) {
      const problem = new LayerError(`${this.name} could not finish: ${messageOf(thrown)}`, thrown);
      return { complete: false, dropped: 0, problems: [problem] };
    }
  }

  /** The layer's own statistics, how often it threw, and how much it emitted inside of its own hooks. */
  stats(): object {
    let own: unknown;
    try {
      own = this.layer.stats?.();
    } catch (thrown) {
      this.threw(thrown);
    }
    return { ...(own as object | undefined), throws: this.#throws, suppressed: this.#suppressed };
  }
}
