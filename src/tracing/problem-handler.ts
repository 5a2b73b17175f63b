import { messageOf } from '../errors.ts';
import { dispatch } from './context.ts';
import { printLine } from './print-line.ts';

/** Hears of a problem of the package's own. */
export type ProblemHandler = (problem: Error) => void;

/** The default: a line on stderr. */
function printProblem(problem: Error): void {
  printLine(messageOf(problem));
}

/** A handler that never throws: whoever hears of problems must not make one. It may emit, also where a layer has the problem. */
export function guardedHandler(handler: ProblemHandler = printProblem): ProblemHandler {
  return (problem) => {
    const { hook } = dispatch;
    dispatch.hook = undefined;
    try {
      handler(problem);
    } catch {
      // There is nobody left to tell.
    } finally {
      dispatch.hook = hook;
    }
  };
}
