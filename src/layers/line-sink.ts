import { LayerError } from '../errors.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import type { Lines, LineStats, Writer } from './lines.ts';

/** What a stream may hold back at most before lines are dropped, in UTF-16 units. */
const HELD_MAX = 4 * 1024 * 1024;
/** How long a flush waits unless told otherwise, in milliseconds. */
const TIMEOUT = 5000;

const PINO_METADATA = Symbol.for('pino.metadata');
/** pino's numbers of levels, by verbosity. */
const PINO_LEVELS = [0, 50, 40, 30, 20, 10] as const;

/** What a writer may have besides `write`: streams of Node.js and destinations of pino have some of it. */
interface StreamLike {
  write(line: string): unknown;
  flush?(done: () => void): unknown;
  on?(event: 'error', listener: () => void): unknown;
  once?(event: 'drain', listener: () => void): unknown;
  isTTY?: boolean;
  /** A destination of pino that must know each line's level, as its `multistream` does. */
  [PINO_METADATA]?: unknown;
  lastLevel?: number;
}

/** Hands lines to an object of the program's, which stays the program's to end. */
export class LineSink implements Lines {
  readonly isTerminal: boolean;
  readonly #stream: StreamLike;
  #lines = 0;
  #dropped = 0;
  /** Since the stream said that it is full. */
  #held: number | undefined;
  #isEnded = false;

  constructor(writer: Exclude<Writer, number | string>) {
    this.#stream = writer;
    this.isTerminal = this.#stream.isTTY === true;
    // A stream that fails without a listener would end the program.
    if (typeof this.#stream.on === 'function') this.#stream.on('error', () => this.#dropped++);
  }

  /** Throws what the writer throws; the registry tells of it. */
  write(text: string, verbosity: number): void {
    this.#lines++;
    if (this.#isEnded || (this.#held !== undefined && this.#held > HELD_MAX)) {
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
    else if (result === false) this.#hold(text);
  }

  #hold(text: string): void {
    if (this.#held === undefined && typeof this.#stream.once === 'function') {
      this.#held = 0;
      this.#stream.once('drain', () => (this.#held = undefined));
    }
    if (this.#held !== undefined) this.#held += text.length;
  }

  async flush({ timeout = TIMEOUT }: Deadline = {}): Promise<Outcome> {
    const complete = await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), timeout);
      const done = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      // A destination of pino tells by a callback; what takes none has flushed, or promises to.
      if (typeof this.#stream.flush === 'function') {
        const result = this.#stream.flush(done);
        if (this.#stream.flush.length === 0) void Promise.resolve(result).then(done, done);
      } else if (this.#held !== undefined) this.#stream.once?.('drain', done);
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
