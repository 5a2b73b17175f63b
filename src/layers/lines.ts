import SonicBoomModule, { type SonicBoom } from 'sonic-boom';
import { LayerError, messageOf, OptionError } from '../errors.ts';
import { atExit, exitTimeLeft, sleepSync } from '../tracing/at-exit.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { openStderr } from '../tracing/stderr.ts';

/** Where lines go: a file descriptor, a file's path, or anything that takes a line. */
export type Writer = number | string | { write(line: string): unknown };

/** What waits at most when a reader is slow, in bytes. */
const WAITING_MAX = 64 * 1024;
const RETRY = 50;

/**
 * Writes lines at once, through pino's destination, so that a crash loses none. What a slow reader does not
 * take waits, within a bound, and then is dropped and counted: the caller never waits.
 */
export class Lines {
  readonly #own: SonicBoom | undefined;
  readonly #other: { write(line: string): unknown } | undefined;
  #written = 0;
  #dropped = 0;
  /** Lines behind the one that could not be written. */
  readonly #waiting: string[] = [];
  #waitingBytes = 0;
  #failure: Error | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ended = false;
  readonly #closes: boolean = false;
  readonly #forgetExit: (() => void) | undefined;

  /** Throws `OptionError` for what is no writer, or the error of opening a file. */
  constructor(writer: Writer) {
    if (typeof writer === 'object' && writer !== null && typeof writer.write === 'function') {
      this.#other = writer;
      return;
    }
    if (typeof writer !== 'number' && typeof writer !== 'string') {
      throw new OptionError('writer', writer, 'a file descriptor, a path or an object with write()');
    }
    const fd = writer === 2 ? openStderr() : writer;
    // A descriptor of the caller's is the caller's to close.
    this.#closes = typeof writer === 'string' || fd !== writer;
    this.#own = new SonicBoomModule.SonicBoom({
      fd,
      sync: true,
      mkdir: true,
      mode: 0o600,
      retryEAGAIN: () => false,
    });
    this.#own.on('error', (error: Error) => this.#failed(error));
    this.#forgetExit = atExit(() => this.#exit());
  }

  write(line: string): void {
    this.#written++;
    if (this.#ended) this.#dropped++;
    else if (this.#own === undefined) this.#hand(line);
    else if (this.#failure === undefined) this.#own.write(line);
    else this.#wait(line);
  }

  #hand(line: string): void {
    try {
      const result = this.#other?.write(line);
      if (result instanceof Promise) result.catch(() => this.#dropped++);
    } catch (thrown) {
      this.#dropped++;
      throw thrown;
    }
  }

  /** Tries what waits first; a line that must wait too may find no room. */
  #wait(line: string): void {
    this.#again();
    const bytes = Buffer.byteLength(line);
    if (!this.#isStuck()) this.#own?.write(line);
    else if (this.#waitingBytes + bytes > WAITING_MAX) this.#dropped++;
    else {
      this.#waiting.push(line);
      this.#waitingBytes += bytes;
    }
  }

  #failed(error: Error): void {
    this.#failure = error;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#again();
    }, RETRY).unref();
  }

  /** The destination keeps the line that it could not write; the next write, even an empty one, tries it again. */
  #again(): void {
    this.#failure = undefined;
    this.#own?.write('');
    let taken = 0;
    // What fails is said by an event, before the write returns.
    while (taken < this.#waiting.length && !this.#isStuck()) {
      const line = this.#waiting[taken++] as string;
      this.#waitingBytes -= Buffer.byteLength(line);
      this.#own?.write(line);
    }
    this.#waiting.splice(0, taken);
  }

  #isStuck(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when nothing waits, or at the deadline. */
  async flush({ timeout = 5000 }: Deadline = {}): Promise<Outcome> {
    const deadline = performance.now() + timeout;
    while (isBusy(this.#failure) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      this.#again();
    }
    const failure = this.#failure;
    const problems =
      failure === undefined ? [] : [new LayerError(`lines wait: ${messageOf(failure)}`, failure)];
    return { complete: failure === undefined, dropped: this.#dropped, problems };
  }

  /** A process that ends gives a slow reader what is left of its time. */
  #exit(): void {
    while (isBusy(this.#failure) && exitTimeLeft() > 0) {
      sleepSync(5);
      this.#again();
    }
    if (this.#isStuck()) this.#giveUp();
  }

  /** Drops the waiting lines, and the one that the destination holds. */
  #giveUp(): void {
    this.#dropped += this.#waiting.length + 1;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  async end(deadline?: Deadline): Promise<Outcome> {
    const outcome = await this.flush(deadline);
    this.#ended = true;
    clearTimeout(this.#retry);
    this.#forgetExit?.();
    if (!outcome.complete) this.#giveUp();
    if (this.#closes && outcome.complete) this.#own?.end();
    else if (this.#closes) this.#own?.destroy();
    return { ...outcome, dropped: this.#dropped };
  }

  stats(): { lines: number; dropped: number } {
    return { lines: this.#written, dropped: this.#dropped };
  }
}

/** Whether a reader is slow; one that is gone won't come back. */
function isBusy(failure: Error | undefined): boolean {
  const { code } = (failure ?? {}) as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY';
}
