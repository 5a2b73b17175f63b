import { isPromise } from 'node:util/types';
import { messageOf } from '../errors.ts';
import { dispatch } from './context.ts';
import { printLine } from './print-line.ts';

/** Called with a problem of the package's own. */
export type ProblemHandler = (problem: Error) => void;

/** The default handler. */
function printProblem(problem: Error): void {
  printLine(messageOf(problem));
}

/** The handler, or by default one that prints a line on stderr, so that it never throws. It may emit, even inside of a layer's hook. */
export function guardedHandler(handler: ProblemHandler = printProblem): ProblemHandler {
  return (problem) => {
    const { hook } = dispatch;
    dispatch.hook = undefined;
    try {
      const answer: unknown = handler(problem);
      if (isPromise(answer)) answer.catch(() => {});
    } catch {
      // There is no other handler for this.
    } finally {
      dispatch.hook = hook;
    }
  };
}
