import type { ExportCounts } from './export-queue.ts';

/** A span exporter of OpenTelemetry's SDK, as far as it matters here; SDK 2 and 3 both fit. */
export interface Exporter {
  export(spans: never[], done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
  forceFlush?(): Promise<void>;
}

/** A span processor of OpenTelemetry's SDK, as far as it matters here; SDK 2 and 3 both fit. */
export interface Processor {
  onStart(span: never, parentContext: never): void;
  onEnding?(span: never): void;
  onEnd(span: never): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

interface EndedSpan {
  spanContext(): { traceFlags: number };
}

const SAMPLED = 1;
const SUCCESS = 0;

/** Counts the spans of one exporter, because the SDK forgets those it can't export without a word. */
export class SpanCounts implements ExportCounts {
  #ended = 0;
  /** Of these, how many left the processor. */
  #taken = 0;
  #exported = 0;
  #failed = 0;

  taken(spans: number): void {
    this.#taken += spans;
  }

  exported(spans: number): void {
    this.#exported += spans;
  }

  failed(spans: number): void {
    this.#failed += spans;
  }

  /** `exporter`, which does not count by itself, counted. */
  exporter(exporter: Exporter): Exporter {
    return {
      export: (spans, done) => {
        this.taken(spans.length);
        exporter.export(spans, (result) => {
          if (result.code === SUCCESS) this.exported(spans.length);
          else this.failed(spans.length);
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
      forceFlush: async () => exporter.forceFlush?.(),
    };
  }

  /** `processor`, whose exporter is a counted one, counted. */
  processor(processor: Processor): Processor {
    return {
      onStart: (span, parentContext) => processor.onStart(span, parentContext),
      onEnding: (span) => processor.onEnding?.(span),
      onEnd: (span) => {
        if (((span as EndedSpan).spanContext().traceFlags & SAMPLED) !== 0) this.#ended++;
        processor.onEnd(span);
      },
      forceFlush: async () => {
        const ended = this.#ended;
        await processor.forceFlush();
        // Nothing is left there: what did not come out of it found its queue full.
        const forgotten = ended - this.#taken;
        if (forgotten <= 0) return;
        this.taken(forgotten);
        this.failed(forgotten);
      },
      shutdown: () => processor.shutdown(),
    };
  }

  /** Spans that ended, and of which it is not known yet whether they are exported. */
  get waiting(): number {
    return this.#ended - this.#exported - this.#failed;
  }

  /** Spans whose export failed; from the shutdown on, all that ended and were not exported. */
  lost(isOver: boolean): number {
    return isOver ? this.#ended - this.#exported : this.#failed;
  }
}
