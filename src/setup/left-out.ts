import { isError, LayerError, messageOf } from '../errors.ts';
import { filterOf } from '../tracing/filter.ts';
import type { Layer, Outcome } from '../tracing/layer.ts';
import type { ProblemHandler } from '../tracing/problem-handler.ts';

/** Reports why `what` could not be set up, and returns the error; tracing goes on without it. */
export function reportLeftOut(onProblem: ProblemHandler, what: string, thrown: unknown): Error {
  const message = `${what} is left out: ${messageOf(thrown)}`;
  let problem = isError(thrown) ? thrown : new LayerError(message, thrown);
  // An Error may be frozen.
  if (!Reflect.set(problem, 'message', message)) problem = new LayerError(message, thrown);
  onProblem(problem);
  return problem;
}

/** Stands where an output was left out: hears nothing, and says in each outcome and in the statistics that nothing was written there. */
export class LeftOut implements Layer {
  readonly filter = filterOf('off');
  readonly name: string;
  readonly #problem: Error;

  constructor(name: string, problem: Error) {
    this.name = name;
    this.#problem = problem;
  }

  async flush(): Promise<Outcome> {
    return { complete: false, dropped: 0, problems: [this.#problem] };
  }

  shutdown(): Promise<Outcome> {
    return this.flush();
  }

  stats(): { leftOut: string } {
    return { leftOut: messageOf(this.#problem) };
  }
}
