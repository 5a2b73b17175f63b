import { LayerError } from '../errors.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import type { Lines, LineStats, Writer } from './lines.ts';
import { clearTimeout, setTimeout, TIMER_MAX } from '../tracing/timers.ts';

/** UTF-16 units that a full stream may buffer before lines are dropped. */
const BUFFERED_MAX = 4 * 1024 * 1024;
/** How long a flush waits without a deadline, in milliseconds. */
const TIMEOUT = 5000;

const PINO_METADATA = Symbol.for('pino.metadata');
/** pino's levels by verbosity. */
const PINO_LEVELS = [0, 50, 40, 30, 20, 10] as const;

/** What a writer may have besides `write`: the members of Node.js streams and of pino's destinations that are used. */
interface StreamLike {
  write(line: string): unknown;
  flush?(done: () => void): unknown;
  on?(event: 'error', listener: () => void): unknown;
  once?(event: 'drain', listener: () => void): unknown;
  isTTY?: boolean;
  /** Set by a destination of pino that needs the level of each line, as its `multistream`. */
  [PINO_METADATA]?: unknown;
  lastLevel?: number;
}

/** Writes lines to an object of the program, which also ends it. */
export class LineSink implements Lines {
  readonly isTerminal: boolean;
  readonly #stream: StreamLike;
  #lines = 0;
  #dropped = 0;
  /** UTF-16 units that were written since the stream was full; `undefined` while it is not. */
  #buffered: number | undefined;
  #isEnded = false;

  constructor(writer: Exclude<Writer, number | string>) {
    this.#stream = writer;
    this.isTerminal = this.#stream.isTTY === true;
    // An 'error' without a listener would end the program.
    if (typeof this.#stream.on === 'function') this.#stream.on('error', () => this.#dropped++);
  }

  /** Throws what the writer throws; the registry reports it. */
  write(text: string, verbosity: number): void {
    this.#lines++;
    if (this.#isEnded || (this.#buffered !== undefined && this.#buffered > BUFFERED_MAX)) {
      this.#dropped++;
      return;
    }
    let result: unknown;
    try {
      if (this.#stream[PINO_METADATA] === true) this.#stream.lastLevel = PINO_LEVELS[verbosity] ?? 0;
      result = this.#stream.write(text);
    } catch (thrown) {
      this.#dropped++;
      throw thrown;
    }
    if (result instanceof Promise) result.catch(() => this.#dropped++);
    else if (result === false) this.#noteFull(text);
  }

  #noteFull(text: string): void {
    if (this.#buffered === undefined && typeof this.#stream.once === 'function') {
      this.#buffered = 0;
      this.#stream.once('drain', () => (this.#buffered = undefined));
    }
    if (this.#buffered !== undefined) this.#buffered += text.length;
  }

  async flush({ timeout = TIMEOUT }: Deadline = {}): Promise<Outcome> {
    const complete = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), Math.min(timeout, TIMER_MAX));
      const done = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      // A destination of pino calls back. A `flush` without a parameter is done when it returns or its promise settles.
      if (typeof this.#stream.flush === 'function') {
        const result = this.#stream.flush(done);
        if (this.#stream.flush.length === 0) void Promise.resolve(result).then(done, done);
      } else if (this.#buffered !== undefined) this.#stream.once?.('drain', done);
      else done();
    });
    const problems = complete ? [] : [new LayerError('a stream of lines did not drain in time')];
    return { complete, dropped: this.#dropped, problems };
  }

  async end(deadline?: Deadline): Promise<Outcome> {
    const outcome = await this.flush(deadline);
    this.#isEnded = true;
    return outcome;
  }

  stats(): LineStats {
    return { lines: this.#lines, dropped: this.#dropped };
  }
}
