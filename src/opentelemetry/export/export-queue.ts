import { messageOf } from '../../errors.ts';
import { readOptions } from '../../option.ts';
import { performance } from '../../tracing/performance.ts';
import { clearTimeout, setTimeout, TIMER_MAX } from '../../tracing/timers.ts';
import { QUEUE_OPTIONS, type QueueOptions } from './queue-options.ts';

/** Spans that are sent in one request. */
export interface ExportRequest {
  readonly body: Uint8Array;
  readonly spans: number;
  /** Sends the request. Never rejects. */
  send(signal: AbortSignal): Promise<ExportResponse>;
}

/** What became of a request. */
export type ExportResponse =
  /** It is done. The collector rejected so many of its spans; `Infinity` is all. */
  | { rejected: number; error?: Error }
  /** It is to be retried, `after` so many milliseconds if the collector asked for that. */
  | { retry: true; error: Error; after?: number | undefined };

/** Counts what becomes of spans. */
export interface ExportCounts {
  /** They were handed to the exporter. */
  taken(spans: number): void;
  exported(spans: number): void;
  failed(spans: number): void;
}

/** The queue's limits, all of them given. */
type Limits = { readonly [K in keyof QueueOptions]-?: number };

const DEFAULTS: Limits = { maxBytes: 8 * 1024 * 1024, maxAge: 30 * 60_000, minDelay: 1000, maxDelay: 30_000 };

/**
 * A queue of requests. It sends them one at a time, the oldest first, and retries each until the collector responds,
 * within the limits of bytes and age. Its timers never keep the event loop alive.
 */
export class ExportQueue {
  readonly #limits: Limits;
  readonly #counts: ExportCounts;
  readonly #requests: (ExportRequest & { readonly since: number })[] = [];
  readonly #abort = new AbortController();
  #bytes = 0;
  #failures = 0;
  #isSending = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the collector allows the next request, on the monotonic clock. */
  #notBefore = 0;
  #problem: Error | undefined;
  #obstacle: Error | undefined;
  readonly #drained: (() => void)[] = [];

  constructor(counts: ExportCounts, limits?: QueueOptions) {
    this.#counts = counts;
    this.#limits = { ...DEFAULTS, ...readOptions(QUEUE_OPTIONS, limits) } as Limits;
  }

  /** The error of the last request, if it is to be retried. */
  get obstacle(): Error | undefined {
    return this.#obstacle;
  }

  add(request: ExportRequest): void {
    this.#expire();
    const bytes = this.#bytes + request.body.length;
    if (this.#abort.signal.aborted) return this.#lose(request.spans, new Error('the exporter is shut down'));
    if (bytes > this.#limits.maxBytes) {
      return this.#lose(request.spans, new Error(`over ${this.#limits.maxBytes} bytes of spans wait`));
    }
    this.#bytes = bytes;
    this.#requests.push({ ...request, since: performance.now() });
    if (this.#timer === undefined) void this.#work();
  }

  /**
   * Sends now, without waiting for a delay of ours, and resolves when the queue is empty. Rejects with the first
   * reason for which spans were lost since the last call.
   */
  async drain(): Promise<void> {
    if (this.#timer !== undefined && performance.now() >= this.#notBefore) void this.#work();
    if (this.#requests.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
    const problem = this.#problem;
    this.#problem = undefined;
    if (problem !== undefined) throw problem;
  }

  /** Drops what is queued. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#requests.length > 0) this.#drop(new Error('the exporter is shut down'));
    this.#settle();
  }

  async #work(): Promise<void> {
    if (this.#isSending) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (;;) {
      this.#expire();
      const request = this.#requests[0];
      if (request === undefined) break;
      this.#isSending = true;
      const response = await request.send(this.#abort.signal);
      this.#isSending = false;
      if (this.#abort.signal.aborted) break;
      this.#obstacle = response.error;
      if ('retry' in response) {
        this.#retryLater(response.after);
        break;
      }
      this.#failures = 0;
      this.#take();
      const rejected = Math.min(response.rejected, request.spans);
      this.#counts.exported(request.spans - rejected);
      if (rejected > 0) this.#lose(rejected, response.error);
    }
    this.#settle();
  }

  #retryLater(after: number | undefined): void {
    const { minDelay, maxDelay } = this.#limits;
    const pause = Math.min(minDelay * 2 ** this.#failures++, maxDelay);
    // Random, so that the VMs of a fleet do not send at the same time; never sooner than the collector asked for.
    const delay = after === undefined ? pause * (0.5 + Math.random() / 2) : after + pause * Math.random();
    this.#notBefore = after === undefined ? 0 : performance.now() + after;
    this.#timer = setTimeout(() => void this.#work(), Math.min(delay, TIMER_MAX));
    this.#timer.unref();
  }

  #expire(): void {
    const { maxAge } = this.#limits;
    const before = performance.now() - maxAge;
    // The request that is being sent may still succeed.
    while (!this.#isSending && (this.#requests[0]?.since ?? before) < before) {
      const why = this.#obstacle === undefined ? '' : `: ${messageOf(this.#obstacle)}`;
      this.#drop(new Error(`spans waited for over ${maxAge} ms${why}`));
    }
  }

  #take(): number {
    const request = this.#requests.shift();
    this.#bytes -= request?.body.length ?? 0;
    return request?.spans ?? 0;
  }

  #drop(problem: Error): void {
    this.#lose(this.#take(), problem);
  }

  #lose(spans: number, problem: Error | undefined): void {
    this.#counts.failed(spans);
    this.#problem ??= problem;
  }

  #settle(): void {
    if (this.#requests.length > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
