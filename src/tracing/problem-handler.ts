import { messageOf } from '../errors.ts';
import { printLine } from './print-line.ts';

/** Hears of a problem of the package's own. */
export type ProblemHandler = (problem: Error) => void;

/** The default: a line on stderr. */
function printProblem(problem: Error): void {
  printLine(messageOf(problem));
}

/** A handler that never throws: whoever hears of problems must not make one. */
export function guardedHandler(handler: ProblemHandler = printProblem): ProblemHandler {
  return (problem) => {
    try {
      handler(problem);
    } catch {
      // There is nobody left to tell.
    }
  };
}
