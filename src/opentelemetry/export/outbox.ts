import { messageOf } from '../../errors.ts';
import { clearTimeout, performance, setTimeout, TIMER_MAX } from '../../tracing/timers.ts';

/** How much waits for a collector that can't be reached, and how long. */
export interface QueueOptions {
  /** Bytes of spans, as they are sent, that wait at most; what comes then is dropped. Default `8388608` (8 MiB). */
  maxBytes?: number;
  /** How long a span waits at most, in milliseconds. Default `1800000` (half an hour). */
  maxAge?: number;
  /** The pause after a first failure, in milliseconds; it doubles up to `maxDelay`, less up to a half by chance. Default `1000`. */
  minDelay?: number;
  /** The longest pause, in milliseconds, unless the collector asks for a longer one. Default `30000`. */
  maxDelay?: number;
}

/** Spans that travel together. */
export interface Parcel {
  readonly body: Uint8Array;
  readonly spans: number;
  /** Posts it; rejects never. */
  post(signal: AbortSignal): Promise<Answer>;
}

/** What became of a parcel that was posted. */
export type Answer =
  /** It arrived, but for so many spans (`Infinity`: all) that the collector did not take. */
  | { rejected: number; error?: Error }
  /** It did not, and may be posted again, in so many milliseconds if the collector said. */
  | { retry: true; error: Error; after?: number | undefined };

/** Hears what becomes of spans. */
export interface ExportCounts {
  /** The exporter got them. */
  taken(spans: number): void;
  exported(spans: number): void;
  failed(spans: number): void;
}

const DEFAULTS = { maxBytes: 8 * 1024 * 1024, maxAge: 30 * 60_000, minDelay: 1000, maxDelay: 30_000 };

/**
 * Posts one parcel after the other, the oldest first, and again until it arrives, while memory and patience
 * last. Its timers never keep the event loop alive.
 */
export class Outbox {
  readonly #limits: Required<QueueOptions>;
  readonly #counts: ExportCounts;
  readonly #parcels: (Parcel & { readonly since: number })[] = [];
  readonly #abort = new AbortController();
  #bytes = 0;
  #failures = 0;
  #isPosting = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the collector wants to hear of us again. */
  #notBefore = 0;
  #problem: Error | undefined;
  #obstacle: Error | undefined;
  readonly #drained: (() => void)[] = [];

  constructor(counts: ExportCounts, limits: QueueOptions = {}) {
    this.#counts = counts;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /** Why the last post failed, while it is not repeated with success. */
  get obstacle(): Error | undefined {
    return this.#obstacle;
  }

  add(parcel: Parcel): void {
    this.#expire();
    const bytes = this.#bytes + parcel.body.length;
    if (this.#abort.signal.aborted) return this.#lose(parcel.spans, new Error('the exporter is shut down'));
    if (bytes > this.#limits.maxBytes) {
      return this.#lose(parcel.spans, new Error(`over ${this.#limits.maxBytes} bytes of spans wait`));
    }
    this.#bytes = bytes;
    this.#parcels.push({ ...parcel, since: performance.now() });
    if (this.#timer === undefined) void this.#work();
  }

  /** Tries at once, and resolves when nothing waits any more. Rejects with the first reason why spans were lost since the last time. */
  async drain(): Promise<void> {
    if (this.#timer !== undefined && performance.now() >= this.#notBefore) void this.#work();
    if (this.#parcels.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
    const problem = this.#problem;
    this.#problem = undefined;
    if (problem !== undefined) throw problem;
  }

  /** Gives up what still waits. */
  close(): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#parcels.length > 0) this.#drop(new Error('the exporter is shut down'));
    this.#settle();
  }

  async #work(): Promise<void> {
    if (this.#isPosting) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (;;) {
      this.#expire();
      const parcel = this.#parcels[0];
      if (parcel === undefined) break;
      this.#isPosting = true;
      const answer = await parcel.post(this.#abort.signal);
      this.#isPosting = false;
      if (this.#abort.signal.aborted) break;
      this.#obstacle = answer.error;
      if ('retry' in answer) {
        this.#retryLater(answer.after);
        break;
      }
      this.#failures = 0;
      this.#take();
      const rejected = Math.min(answer.rejected, parcel.spans);
      this.#counts.exported(parcel.spans - rejected);
      if (rejected > 0) this.#lose(rejected, answer.error);
    }
    this.#settle();
  }

  #retryLater(after: number | undefined): void {
    const { minDelay, maxDelay } = this.#limits;
    const pause = Math.min(minDelay * 2 ** this.#failures++, maxDelay);
    // By chance, so that not all VMs of a fleet come at once; never sooner than asked for.
    const delay = after === undefined ? pause * (0.5 + Math.random() / 2) : after + pause * Math.random();
    this.#notBefore = after === undefined ? 0 : performance.now() + after;
    this.#timer = setTimeout(() => void this.#work(), Math.min(delay, TIMER_MAX));
    this.#timer.unref();
  }

  #expire(): void {
    const { maxAge } = this.#limits;
    const before = performance.now() - maxAge;
    // The one that is under way may still arrive.
    while (!this.#isPosting && (this.#parcels[0]?.since ?? before) < before) {
      const why = this.#obstacle === undefined ? '' : `: ${messageOf(this.#obstacle)}`;
      this.#drop(new Error(`spans waited for over ${maxAge} ms${why}`));
    }
  }

  #take(): number {
    const parcel = this.#parcels.shift();
    this.#bytes -= parcel?.body.length ?? 0;
    return parcel?.spans ?? 0;
  }

  #drop(problem: Error): void {
    this.#lose(this.#take(), problem);
  }

  #lose(spans: number, problem: Error | undefined): void {
    this.#counts.failed(spans);
    this.#problem ??= problem;
  }

  #settle(): void {
    if (this.#parcels.length > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
