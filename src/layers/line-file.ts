import { closeSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { LayerError, messageOf } from '../errors.ts';
import { setNonblocking } from '../pool/binding.ts';
import { sleepSync } from '../sleep-sync.ts';
import { atExit, exitTimeLeft } from '../tracing/at-exit.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { openNonblocking } from '../tracing/open-nonblocking.ts';
import { isTerminal } from './is-terminal.ts';
import { openLogFile } from './open-log-file.ts';
import type { Lines, LinesOptions, LineStats } from './lines.ts';
import { performance } from '../tracing/performance.ts';
import { clearTimeout, setTimeout } from '../tracing/timers.ts';

/** Bytes of lines that may wait for a slow reader. */
const WAITING_MAX = 64 * 1024;
/** Milliseconds until a slow reader is tried again by a timer, and at least until it is tried by the next line. */
const RETRY = 50;
const RETRY_BY_LINE = 1;
/** How long a flush waits without a deadline, and how often it tries again, in milliseconds. */
const TIMEOUT = 5000;
const FLUSH_RETRY = 5;

/**
 * Writes lines to a file or a descriptor at once, so that a crash loses none. If the reader is slow, lines wait up
 * to a bound; further ones are dropped and counted. A line whose writing fails otherwise is lost and counted.
 */
export class LineFile implements Lines {
  readonly isTerminal: boolean;
  readonly #path: string | undefined;
  /** Whether this opened the descriptor and so closes it. */
  readonly #ownsFd: boolean;
  readonly #reopenOn: NodeJS.Signals | undefined;
  readonly #onProblem: LinesOptions['onProblem'];
  readonly #cancelAtExit: () => void;
  #fd: number;
  #lines = 0;
  #dropped = 0;
  /** Lines that wait for a slow reader; the first may be written in part. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Bytes of the first waiting line that are written. */
  #written = 0;
  #triedAt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Why the last write failed. */
  #failure: Error | undefined;
  /** Error codes that were reported. */
  readonly #reported = new Set<unknown>();
  /** Whether the output ends with a part of a lost line. */
  #isTorn = false;
  #isEnded = false;

  constructor(writer: number | string, { reopenOn, onProblem }: LinesOptions) {
    this.#onProblem = onProblem;
    this.#path = typeof writer === 'string' ? writer : undefined;
    this.#reopenOn = reopenOn;
    this.#fd = typeof writer === 'string' ? openLogFile(writer) : openNonblocking(writer, setNonblocking);
    this.#ownsFd = this.#fd !== writer && this.#fd > 2;
    this.isTerminal = isTerminal(this.#fd);
    if (this.#reopenOn !== undefined) process.on(this.#reopenOn, this.#reopen);
    this.#cancelAtExit = atExit((_milliseconds, isLast) => isLast && this.#exit());
  }

  write(text: string): void {
    this.#lines++;
    if (this.#isEnded) {
      this.#dropped++;
      return;
    }
    if (this.#waiting.length > 0 && performance.now() - this.#triedAt >= RETRY_BY_LINE) this.#writeWaiting();
    if (this.#waiting.length > 0) this.#wait(Buffer.from(text));
    else this.#put(text);
  }

  #put(text: string): void {
    const line = this.#isTorn ? `\n${text}` : text;
    let written: number;
    try {
      written = writeSync(this.#fd, line);
    } catch (error) {
      if (isBusy(error)) this.#wait(Buffer.from(line), error as Error);
      else this.#lose(error as Error);
      return;
    }
    this.#isTorn = false;
    this.#failure = undefined;
    if (written === Buffer.byteLength(line)) return;
    this.#written = written;
    this.#waiting.push(Buffer.from(line));
    this.#waitingBytes += this.#waiting[0]?.length ?? 0;
    this.#writeWaiting();
  }

  #wait(line: Buffer, failure = this.#failure): void {
    this.#failure = failure;
    if (this.#waitingBytes + line.length > WAITING_MAX) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#retryLater();
  }

  #retryLater(): void {
    this.#triedAt = performance.now();
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#writeWaiting();
    }, RETRY).unref();
  }

  /** Writes the waiting lines as far as the reader takes them. */
  #writeWaiting(): void {
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      try {
        this.#written += writeSync(this.#fd, line, this.#written);
        this.#failure = undefined;
        if (this.#written < line.length) continue;
      } catch (error) {
        if (isBusy(error)) {
          this.#failure = error as Error;
          this.#retryLater();
          return;
        }
        if (this.#written > 0) this.#removePart();
        this.#lose(error as Error);
      }
      this.#written = 0;
      this.#waiting.shift();
      this.#waitingBytes -= line.length;
    }
  }

  #lose(error: Error): void {
    this.#dropped++;
    this.#failure = error;
    const { code } = error as NodeJS.ErrnoException;
    if (this.#reported.has(code)) return;
    this.#reported.add(code);
    const where = this.#path ?? `descriptor ${this.#fd}`;
    this.#onProblem(new LayerError(`lines to ${where} are lost: ${messageOf(error)}`, error));
  }

  /** Removes the written part of a lost line; if that is not possible, the next line starts with a line feed. */
  #removePart(): void {
    try {
      // As a number it would mislead Node.js 20, see `isTerminal`.
      const stat = fstatSync(this.#fd, { bigint: true });
      if (this.#path === undefined || !stat.isFile()) this.#isTorn = true;
      else ftruncateSync(this.#fd, Number(stat.size) - this.#written);
    } catch {
      this.#isTorn = true;
    }
  }

  /** Opens the file that the path names now; if that fails, the old file stays in use. */
  readonly #reopen = (): void => {
    try {
      const before = this.#fd;
      this.#fd = openLogFile(this.#path as string);
      this.#written = 0;
      closeSync(before);
    } catch (error) {
      const message = `${this.#path} can't be opened anew: ${messageOf(error)}`;
      this.#onProblem(new LayerError(message, error));
    }
  };

  async flush({ timeout = TIMEOUT }: Deadline = {}): Promise<Outcome> {
    const deadline = performance.now() + timeout;
    while (this.#waiting.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, FLUSH_RETRY));
      this.#writeWaiting();
    }
    return this.#outcome();
  }

  #outcome(): Outcome {
    const failure = this.#failure;
    const what = this.#waiting.length > 0 ? 'wait' : 'are lost';
    const problems =
      failure === undefined ? [] : [new LayerError(`lines ${what}: ${messageOf(failure)}`, failure)];
    return { complete: failure === undefined, dropped: this.#dropped, problems };
  }

  /** Gives a slow reader the time that is left while the process exits. */
  #exit(): void {
    while (this.#waiting.length > 0 && exitTimeLeft() > 0) {
      sleepSync(FLUSH_RETRY);
      this.#writeWaiting();
    }
    this.#dropWaiting();
  }

  #dropWaiting(): void {
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    if (this.#written > 0) this.#removePart();
    this.#written = 0;
  }

  async end(deadline?: Deadline): Promise<Outcome> {
    const outcome = await this.flush(deadline);
    this.#isEnded = true;
    clearTimeout(this.#retry);
    this.#cancelAtExit();
    if (this.#reopenOn !== undefined) process.off(this.#reopenOn, this.#reopen);
    this.#dropWaiting();
    try {
      if (this.#ownsFd) closeSync(this.#fd);
    } catch {
      // The program closed it.
    }
    return { ...outcome, dropped: this.#dropped };
  }

  stats(): LineStats {
    return { lines: this.#lines, dropped: this.#dropped };
  }
}

/** Whether the reader is slow; any other error will not go away soon. */
function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR';
}
