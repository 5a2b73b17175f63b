import { messageOf } from '../errors.ts';
import { printLine } from './print-line.ts';

/** Called with a problem of the package's own. */
export type ProblemHandler = (problem: Error) => void;

/** The default: a line on stderr. */
function printProblem(problem: Error): void {
  printLine(messageOf(problem));
}

/** The handler, or by default one that prints a line on stderr, so that it never throws. */
export function guardedHandler(handler: ProblemHandler = printProblem): ProblemHandler {
  return (problem) => {
    try {
      handler(problem);
    } catch {
      // There is nobody left to tell.
    }
  };
}
