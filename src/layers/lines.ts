import type { Deadline, Outcome } from '../tracing/layer.ts';
import type { ProblemHandler } from '../tracing/problem.ts';

/** Where lines go: a file descriptor, a file's path, or anything that takes a line, such as a destination of pino. */
export type Writer = number | string | { write(line: string): unknown };

/** What became of lines. */
export interface LineStats {
  /** Lines that were to be written. */
  lines: number;
  /** Lines of these that were lost. */
  dropped: number;
}

export interface LinesOptions {
  /** At this signal a file is opened anew. */
  reopenOn: NodeJS.Signals | undefined;
  /** Hears of the first line that is lost for a reason. */
  onProblem: ProblemHandler;
}

/** An output of lines that never holds the caller. */
export interface Lines {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Takes text that ends in a line feed, of an event of this verbosity. */
  write(text: string, verbosity: number): void;
  /** Resolves when nothing waits, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome>;
  /** The same, and lets go of what it opened. */
  end(deadline?: Deadline): Promise<Outcome>;
  stats(): LineStats;
}
