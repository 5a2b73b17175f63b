import { closeSync, constants, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { constants as system } from 'node:os';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { LayerError, messageOf, OptionError } from '../errors.ts';
import { atExit, exitTimeLeft, sleepSync } from '../tracing/at-exit.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { openWithoutBlocking } from '../tracing/stderr.ts';
import type { Lines, LinesOptions, LineStats } from './lines.ts';

/** What waits at most when a reader is slow, in bytes. */
const WAITING_MAX = 64 * 1024;
/** A slow reader is tried again after so many milliseconds, and by the next line after so many at least. */
const RETRY = 50;
const RETRY_BY_LINE = 1;
/** How long a flush waits unless told otherwise, and how often it looks, in milliseconds. */
const TIMEOUT = 5000;
const LOOK = 5;

/**
 * Writes lines to a file or a descriptor at once, so that a crash loses none. What a slow reader does not
 * take waits, within a bound, and then is dropped and counted; what fails costs its line.
 */
export class LineFile implements Lines {
  readonly isTerminal: boolean;
  readonly #path: string | undefined;
  /** A descriptor of the caller's is the caller's to close. */
  readonly #closes: boolean;
  readonly #reopenOn: NodeJS.Signals | undefined;
  readonly #onProblem: LinesOptions['onProblem'];
  readonly #forgetExit: () => void;
  #fd: number;
  #lines = 0;
  #dropped = 0;
  /** Lines that a slow reader did not take yet; of the first it may have taken some bytes. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #taken = 0;
  #triedAt = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Why the last write did not succeed. */
  #failure: Error | undefined;
  /** What losses were said to be due to. */
  readonly #said = new Set<unknown>();
  /** Whether the output ends in the middle of a line that will not be completed. */
  #isTorn = false;
  #isEnded = false;

  constructor(writer: number | string, { reopenOn, onProblem }: LinesOptions) {
    this.#onProblem = onProblem;
    this.#path = typeof writer === 'string' ? writer : undefined;
    this.#reopenOn = reopenOn === undefined ? undefined : signalOf(reopenOn);
    this.#fd = typeof writer === 'string' ? openFile(writer) : openWithoutBlocking(writer);
    this.#closes = this.#fd !== writer && this.#fd > 2;
    this.isTerminal = isatty(this.#fd);
    if (this.#reopenOn !== undefined) process.on(this.#reopenOn, this.#reopen);
    this.#forgetExit = atExit(() => this.#exit());
  }

  write(text: string): void {
    this.#lines++;
    if (this.#isEnded) {
      this.#dropped++;
      return;
    }
    if (this.#waiting.length > 0 && performance.now() - this.#triedAt >= RETRY_BY_LINE) this.#again();
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
    this.#taken = written;
    this.#waiting.push(Buffer.from(line));
    this.#waitingBytes += this.#waiting[0]?.length ?? 0;
    this.#again();
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
      this.#again();
    }, RETRY).unref();
  }

  /** Writes what waits, as far as it is taken. */
  #again(): void {
    for (let line = this.#waiting[0]; line !== undefined; line = this.#waiting[0]) {
      try {
        this.#taken += writeSync(this.#fd, line, this.#taken);
        this.#failure = undefined;
        if (this.#taken < line.length) continue;
      } catch (error) {
        if (isBusy(error)) {
          this.#failure = error as Error;
          this.#retryLater();
          return;
        }
        if (this.#taken > 0) this.#tear();
        this.#lose(error as Error);
      }
      this.#taken = 0;
      this.#waiting.shift();
      this.#waitingBytes -= line.length;
    }
  }

  #lose(error: Error): void {
    this.#dropped++;
    this.#failure = error;
    const { code } = error as NodeJS.ErrnoException;
    if (this.#said.has(code)) return;
    this.#said.add(code);
    const where = this.#path ?? `descriptor ${this.#fd}`;
    this.#onProblem(new LayerError(`lines to ${where} are lost: ${messageOf(error)}`, error));
  }

  /** Takes back the part of a line that will never be whole; where that can't be, the next line starts anew. */
  #tear(): void {
    try {
      const stat = fstatSync(this.#fd);
      if (this.#path === undefined || !stat.isFile()) this.#isTorn = true;
      else ftruncateSync(this.#fd, stat.size - this.#taken);
    } catch {
      this.#isTorn = true;
    }
  }

  /** Goes on in the file that has the path's name now; in the old one where there can be none. */
  readonly #reopen = (): void => {
    try {
      const before = this.#fd;
      this.#fd = openFile(this.#path as string);
      this.#taken = 0;
      closeSync(before);
    } catch (error) {
      const message = `${this.#path} can't be opened anew: ${messageOf(error)}`;
      this.#onProblem(new LayerError(message, error));
    }
  };

  async flush({ timeout = TIMEOUT }: Deadline = {}): Promise<Outcome> {
    const deadline = performance.now() + timeout;
    while (this.#waiting.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      this.#again();
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

  /** A process that ends gives a slow reader what is left of its time. */
  #exit(): void {
    while (this.#waiting.length > 0 && exitTimeLeft() > 0) {
      sleepSync(LOOK);
      this.#again();
    }
    this.#giveUp();
  }

  #giveUp(): void {
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    if (this.#taken > 0) this.#tear();
    this.#taken = 0;
  }

  async end(deadline?: Deadline): Promise<Outcome> {
    const outcome = await this.flush(deadline);
    this.#isEnded = true;
    clearTimeout(this.#retry);
    this.#forgetExit();
    if (this.#reopenOn !== undefined) process.off(this.#reopenOn, this.#reopen);
    this.#giveUp();
    try {
      if (this.#closes) closeSync(this.#fd);
    } catch {
      // It was closed by somebody else.
    }
    return { ...outcome, dropped: this.#dropped };
  }

  stats(): LineStats {
    return { lines: this.#lines, dropped: this.#dropped };
  }
}

/** Opens for appending, with folders; a FIFO that nobody reads is an error rather than a wait. */
function openFile(path: string): number {
  if (path === '' || path.includes('\0')) {
    throw new OptionError('writer', path, 'a path that is not empty and has no NUL');
  }
  makeFolders(dirname(path));
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600);
}

/** One by one: `recursive` never ends where a folder can't be made, as in /proc. */
function makeFolders(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolders(dirname(path));
    mkdirSync(path);
  }
}

function signalOf(signal: NodeJS.Signals): NodeJS.Signals {
  if (Object.hasOwn(system.signals, signal) && signal !== 'SIGKILL' && signal !== 'SIGSTOP') return signal;
  throw new OptionError('reopenOn', signal, "the name of a signal, such as 'SIGHUP'");
}

/** Whether a reader is slow; what else fails won't be better soon. */
function isBusy(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR';
}
