import { constants, openSync } from 'node:fs';
import SonicBoomModule, { type SonicBoom } from 'sonic-boom';
import { LayerError, messageOf, OptionError } from '../errors.ts';
import { type Deadline, type Outcome } from '../tracing/layer.ts';

/** Where lines go: a file descriptor, a file's path, or anything that takes a line. */
export type Writer = number | string | { write(line: string): unknown };

/** What waits at most when a reader is slow, in bytes. */
const WAITING_MAX = 64 * 1024;
const RETRY = 50;
/** A pipe takes so many bytes as a whole or not at all (PIPE_BUF, pipe(7)): no line is left cut in two. */
const PIPE_ATOMIC = 4096;

/**
 * Writes lines at once, through pino's destination, so that a crash loses none. What a slow reader does not
 * take waits, within a bound, and then is dropped and counted: the caller never waits.
 */
export class Lines {
  readonly #own: SonicBoom | undefined;
  readonly #other: { write(line: string): unknown } | undefined;
  #written = 0;
  #dropped = 0;
  #failure: Error | undefined;
  #retry: NodeJS.Timeout | undefined;

  /** Throws `OptionError` for what is no writer, or the error of opening a file. */
  constructor(writer: Writer) {
    if (typeof writer === 'object' && writer !== null && typeof writer.write === 'function') {
      this.#other = writer;
      return;
    }
    if (typeof writer !== 'number' && typeof writer !== 'string') {
      throw new OptionError('writer', writer, 'a file descriptor, a path or an object with write()');
    }
    this.#own = new SonicBoomModule.SonicBoom({
      fd: writer === 2 ? unblocked(2) : writer,
      sync: true,
      mkdir: true,
      mode: 0o600,
      maxWrite: PIPE_ATOMIC,
      retryEAGAIN: () => false,
    });
    this.#own.on('drop', () => this.#dropped++);
    this.#own.on('error', (error: Error) => this.#failed(error));
  }

  write(line: string): void {
    this.#written++;
    if (this.#own !== undefined) this.#own.write(line);
    else this.#hand(line);
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

  #failed(error: Error): void {
    this.#failure = error;
    this.#bound(WAITING_MAX);
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => this.#again(), RETRY).unref();
  }

  /** The destination keeps what it could not write; the next write, even an empty one, tries it again. */
  #again(): void {
    this.#retry = undefined;
    this.#failure = undefined;
    this.#bound(0);
    this.#own?.write('');
  }

  /** Only what waits is bounded: a single line may be longer than that. */
  #bound(bytes: number): void {
    if (this.#own !== undefined) (this.#own as { maxLength?: number }).maxLength = bytes;
  }

  /** Resolves when nothing waits, or at the deadline. */
  async flush({ timeout = 5000 }: Deadline = {}): Promise<Outcome> {
    const deadline = performance.now() + timeout;
    while (isBusy(this.#failure) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      clearTimeout(this.#retry);
      this.#again();
    }
    const failure = this.#failure;
    const problems =
      failure === undefined ? [] : [new LayerError(`lines wait: ${messageOf(failure)}`, failure)];
    return { complete: failure === undefined, dropped: this.#dropped, problems };
  }

  async end(deadline?: Deadline): Promise<Outcome> {
    const outcome = await this.flush(deadline);
    clearTimeout(this.#retry);
    if (this.#own !== undefined && !outcome.complete) this.#own.destroy();
    else this.#own?.end();
    return outcome;
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

/** The same pipe or terminal opened once more without blocking; the one that we share is left as it is. */
function unblocked(fd: number): number {
  try {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;
    return openSync(`/proc/self/fd/${fd}`, flags);
  } catch {
    return fd;
  }
}
