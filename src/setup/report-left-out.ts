import { isError, LayerError, messageOf } from '../errors.ts';
import type { ProblemHandler } from '../tracing/problem-handler.ts';

/** Reports why `what` could not be set up; tracing goes on without it. */
export function reportLeftOut(onProblem: ProblemHandler, what: string, thrown: unknown): void {
  const problem = isError(thrown) ? thrown : new LayerError(messageOf(thrown), thrown);
  problem.message = `${what} is left out: ${problem.message}`;
  onProblem(problem);
}
