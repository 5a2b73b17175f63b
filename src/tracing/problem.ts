import { messageOf } from '../errors.ts';

/** Hears of a problem of the package's own. */
export type ProblemHandler = (problem: Error) => void;

/** The default: a line on stderr. */
export function printProblem(problem: Error): void {
  process.stderr.write(`kvp-tracing: ${messageOf(problem)}\n`);
}
