import { OptionError } from '../errors.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import type { ProblemHandler } from '../tracing/problem.ts';
import { LineFile } from './line-file.ts';
import { LineSink } from './line-sink.ts';

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

/** Throws `OptionError` for what is no writer, or the error of opening a file. */
export function linesTo(writer: Writer, options: LinesOptions): Lines {
  if (options.reopenOn !== undefined && typeof writer !== 'string') {
    throw new OptionError('reopenOn', options.reopenOn, 'left out unless writer is a path');
  }
  if (typeof writer === 'string' || typeof writer === 'number') return new LineFile(writer, options);
  if (typeof writer === 'object' && writer !== null && typeof writer.write === 'function') {
    return new LineSink(writer);
  }
  throw new OptionError('writer', writer, 'a file descriptor, a path or an object with write()');
}
