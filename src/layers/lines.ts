import type { Deadline, Outcome } from '../tracing/layer.ts';
import type { ProblemHandler } from '../tracing/problem-handler.ts';

/** Where lines are written: a file descriptor, the path of a file, or an object with `write`, as a destination of pino. */
export type Writer = number | string | { write(line: string): unknown };

/** Counts of lines. */
export interface LineStats {
  /** Lines that were emitted. */
  lines: number;
  /** Lines among them that were lost. */
  dropped: number;
}

export interface LinesOptions {
  /** The signal at which the file of a path is reopened. */
  reopenOn: NodeJS.Signals | undefined;
  /** Called with the first loss of each cause. */
  onProblem: ProblemHandler;
}

/** An output of lines that never blocks the caller. */
export interface Lines {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Writes a text that ends in a line feed; `verbosity` is that of its event. */
  write(text: string, verbosity: number): void;
  /** Resolves when no line is waiting, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome>;
  /** Flushes, then closes what this opened. */
  end(deadline?: Deadline): Promise<Outcome>;
  stats(): LineStats;
}
