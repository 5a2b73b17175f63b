import { LayerError, messageOf } from '../errors.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { performance } from '../tracing/performance.ts';
import { setImmediate, setTimeout } from '../tracing/timers.ts';
import type { Lines, LinesOptions, LineStats, Writer } from './lines.ts';
import { type EmitterLike, hearStream, type StreamEvent } from './stream-events.ts';

/** UTF-16 units that a stream may hold back before lines are dropped. */
const WAITING_MAX = 4 * 1024 * 1024;
/** How long a flush waits without a deadline, how long without any progress, and how often it looks, in milliseconds. */
const TIMEOUT = 5000;
const STALLED = 1000;
/** The same as `STALLED` where the last line was lost. */
const STALLED_FAILING = 100;
const LOOK = 5;
/** Causes of losses that are remembered, so that each is reported once. */
const REPORTED_MAX = 16;

const PINO_METADATA = Symbol.for('pino.metadata');
/** pino's levels by verbosity. */
const PINO_LEVELS = [0, 50, 40, 30, 20, 10] as const;

/** What a writer may have besides `write`: the members of Node.js streams and of pino's destinations that are used. */
interface StreamLike extends Partial<EmitterLike> {
  write(line: string, done?: (error?: unknown) => void): unknown;
  flush?(done: (error?: unknown) => void): unknown;
  isTTY?: boolean;
  /** What a stream of Node.js holds back, and what a destination of pino does. */
  readonly writableLength?: unknown;
  readonly _len?: unknown;
  readonly destroyed?: unknown;
  readonly errored?: unknown;
  readonly closed?: unknown;
  /** Set by a destination of pino that needs the level of each line, as its `multistream`. */
  [PINO_METADATA]?: unknown;
  lastLevel?: number;
}

/** A line that the stream took and has not written, as far as it tells. */
interface Line {
  readonly length: number;
}

/**
 * Writes lines to an object of the program, which also ends it. Streams of Node.js and promises tell what becomes of each
 * line, destinations of pino how much they hold; a line for which anything else returns is written.
 */
export class LineSink implements Lines {
  readonly isTerminal: boolean;
  readonly #stream: StreamLike;
  readonly #onProblem: LinesOptions['onProblem'];
  /** Whether `write` takes a callback. */
  readonly #callsBack: boolean;
  #stopHearing: (() => void) | undefined;
  #lines = 0;
  #lost = 0;
  readonly #waiting = new Set<Line>();
  #waitingLength = 0;
  /** Whether a stream that tells nothing else said that it is full. */
  #isFull = false;
  #isWriting = false;
  /** Why the last line was lost. */
  #failure: unknown;
  /** Causes that were reported. */
  readonly #reported = new Set<unknown>();
  /** The writer's own flush that has not called back yet. */
  #flushing: Promise<unknown> | undefined;
  #isEnded = false;

  constructor(writer: Exclude<Writer, number | string>, { onProblem }: Pick<LinesOptions, 'onProblem'>) {
    this.#stream = writer;
    this.#onProblem = onProblem;
    this.isTerminal = this.#stream.isTTY === true;
    this.#callsBack = typeof this.#stream.writableLength === 'number';
    if (typeof this.#stream.on !== 'function' || typeof this.#stream.off !== 'function') return;
    // An 'error' without a listener would end the program.
    const events = this.#callsBack ? (['error'] as const) : (['error', 'drain', 'drop'] as const);
    this.#stopHearing = hearStream(this.#stream as EmitterLike, events, this.#heard);
  }

  readonly #heard = (event: StreamEvent, told: unknown): void => {
    if (event === 'drain') this.#drained();
    else if (event === 'drop') {
      if (this.#isWriting) this.#lose(new Error('the stream is full'));
    } else if (!this.#callsBack) {
      // Of a stream that tells how much it holds back, those lines are lost unless it can write them yet.
      if (this.#held() === undefined) this.#lose(told);
      else this.#fail(told);
    }
    this.#release();
  };

  /** Never throws. */
  write(text: string, verbosity: number): void {
    this.#lines++;
    if (this.#isEnded) {
      this.#lost++;
      return;
    }
    if (this.#waitingLength > 0 && !this.#callsBack && this.#held() === 0) this.#drained();
    if (this.#waitingLength > WAITING_MAX && (this.#held() !== 0 || this.#isBroken())) {
      this.#lose(new Error('the stream does not drain'));
      return;
    }
    const line = { length: text.length };
    try {
      if (this.#stream[PINO_METADATA] === true) this.#stream.lastLevel = PINO_LEVELS[verbosity] ?? 0;
      this.#isWriting = true;
      if (this.#callsBack) {
        this.#wait(line);
        this.#stream.write(text, (error) => this.#settle(line, error));
      } else this.#follow(line, this.#stream.write(text));
    } catch (thrown) {
      this.#settle(line, thrown ?? new Error('write() threw nothing'));
    } finally {
      this.#isWriting = false;
    }
  }

  /** Looks at what `write` returned. */
  #follow(line: Line, result: unknown): void {
    if (isThenable(result)) {
      this.#wait(line);
      result.then(
        () => this.#settle(line, undefined),
        (error) => this.#settle(line, error ?? new Error('write() rejected')),
      );
      return;
    }
    const held = this.#held();
    this.#isFull ||= result === false && held === undefined && this.#stopHearing !== undefined;
    if (this.#isFull || (held !== undefined && held > 0)) this.#wait(line);
    else this.#failure = undefined;
  }

  #wait(line: Line): void {
    this.#waiting.add(line);
    this.#waitingLength += line.length;
  }

  /** Notes what became of a line. */
  #settle(line: Line, error: unknown): void {
    const waited = this.#waiting.delete(line);
    if (waited) this.#waitingLength -= line.length;
    if (error !== undefined && error !== null) this.#lose(error);
    else if (waited) this.#failure = undefined;
    this.#release();
  }

  /** The stream holds nothing back any more. */
  #drained(): void {
    this.#forgetWaiting();
    this.#isFull = false;
    this.#failure = undefined;
  }

  #forgetWaiting(): void {
    this.#waiting.clear();
    this.#waitingLength = 0;
  }

  #lose(error: unknown): void {
    this.#lost++;
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#failure = error ?? new Error('the stream failed');
    const cause = (error as NodeJS.ErrnoException | undefined)?.code ?? messageOf(error);
    if (this.#reported.has(cause) || this.#reported.size >= REPORTED_MAX) return;
    this.#reported.add(cause);
    this.#onProblem(new LayerError(`lines to a stream are lost: ${messageOf(error)}`, error));
  }

  /** How much the stream holds back, in its own units; `undefined` if it does not tell. */
  #held(): number | undefined {
    const { writableLength, _len } = this.#stream;
    const held = this.#callsBack ? writableLength : _len;
    return typeof held === 'number' ? held : undefined;
  }

  /** Whether the stream will write nothing of what waits. */
  #isBroken(): boolean {
    const { destroyed, errored } = this.#stream;
    if (destroyed === true || (errored !== undefined && errored !== null)) return true;
    return !this.#callsBack && this.#held() !== undefined && this.#failure !== undefined;
  }

  /** Whether the stream has been destroyed and may yet say why. */
  #isClosing(): boolean {
    return this.#stream.destroyed === true && this.#stream.closed === false;
  }

  async flush({ timeout = TIMEOUT }: Deadline = {}): Promise<Outcome> {
    const deadline = performance.now() + timeout;
    await this.#flushStream(deadline);
    // What failed at once says so at the end of this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#untilDeadline(deadline, () => {
      // A `write` that the program has put in the stream's place may never call back.
      if (this.#held() === 0 && !this.#isBroken()) this.#forgetWaiting();
      return this.#waiting.size === 0 || this.#isBroken();
    });
    return this.#outcome();
  }

  /** Has the writer flush, if it can. */
  async #flushStream(deadline: number): Promise<void> {
    if (typeof this.#stream.flush !== 'function') return;
    this.#flushing ??= flushAfterOthers(this.#stream)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => (this.#flushing = undefined));
    await this.#untilDeadline(deadline, () => this.#flushing === undefined);
  }

  /** Waits until `isOver`, or the deadline, or until nothing has changed for a second. */
  async #untilDeadline(deadline: number, isOver: () => boolean): Promise<void> {
    let state = '';
    let stalledAt = 0;
    while (!isOver()) {
      const now = performance.now();
      const seen = `${this.#waiting.size} ${this.#held()}`;
      if (seen !== state) stalledAt = now + (this.#failure === undefined ? STALLED : STALLED_FAILING);
      state = seen;
      if (now >= deadline || now >= stalledAt) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK, deadline - now)));
    }
  }

  #outcome(): Outcome {
    const problems: Error[] = [];
    const { size } = this.#waiting;
    if (this.#failure !== undefined) {
      const why = messageOf(this.#failure);
      problems.push(new LayerError(`lines to a stream are lost: ${why}`, this.#failure));
    } else if (size > 0 || this.#flushing !== undefined) {
      problems.push(new LayerError(`a stream did not drain in time: ${size} lines wait`));
    }
    return { complete: problems.length === 0, dropped: this.#dropped, problems };
  }

  async end(deadline: Deadline = {}): Promise<Outcome> {
    const until = performance.now() + (deadline.timeout ?? TIMEOUT);
    const outcome = await this.flush(deadline);
    this.#isEnded = true;
    await this.#untilDeadline(until, () => !this.#isClosing());
    this.#release();
    return { ...outcome, dropped: this.#dropped };
  }

  /** Leaves the stream alone once it has nothing of this any more that may fail. */
  #release(): void {
    if (!this.#isEnded || this.#isClosing()) return;
    if (this.#waiting.size > 0 && this.#stream.destroyed !== true) return;
    this.#stopHearing?.();
    this.#stopHearing = undefined;
  }

  /** What waits in a stream that fails, or that is left, counts as lost unless it is written yet. */
  get #dropped(): number {
    const isLost = this.#isEnded || this.#failure !== undefined || this.#isBroken();
    return this.#lost + (isLost ? this.#waiting.size : 0);
  }

  stats(): LineStats {
    return { lines: this.#lines, dropped: this.#dropped };
  }
}

/** The last flush of each stream: one at a time, because a destination of pino takes listeners for each. */
const FLUSHES = new WeakMap<StreamLike, Promise<void>>();

/** A destination of pino calls back. Of a `flush` without a parameter its end counts, or that of its promise. */
async function flushAfterOthers(stream: StreamLike): Promise<void> {
  const before = FLUSHES.get(stream);
  const own = (async () => {
    await before?.catch(() => {});
    await new Promise<void>((resolve, reject) => {
      const result = stream.flush?.((error) => (error ? reject(error as Error) : resolve()));
      if (stream.flush?.length === 0) Promise.resolve(result).then(() => resolve(), reject);
    });
  })();
  FLUSHES.set(stream, own);
  return own;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
