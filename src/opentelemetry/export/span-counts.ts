import type { ExportCounts } from './export-queue.ts';
import type { Exporter, Processor } from '../sdk-shapes.ts';

interface EndedSpan {
  spanContext(): { traceFlags: number };
}

const SAMPLED = 1;
const SUCCESS = 0;

/** Counts the spans of one exporter, because the SDK silently drops those that it can't export. */
export class SpanCounts implements ExportCounts {
  #ended = 0;
  /** How many of them the processor passed to the exporter. */
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

  /** Wraps an exporter that does not count by itself. */
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

  /** Wraps a processor whose exporter counts. */
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
        // After a flush the processor holds none: what it did not pass on, it dropped because its queue was full.
        const droppedSpans = ended - this.#taken;
        if (droppedSpans <= 0) return;
        this.taken(droppedSpans);
        this.failed(droppedSpans);
      },
      shutdown: () => processor.shutdown(),
    };
  }

  /** How many ended spans are neither exported nor failed. */
  get waiting(): number {
    return this.#ended - this.#exported - this.#failed;
  }

  /** How many spans failed to export; once `isOver`, how many ended spans are not exported. */
  lost(isOver: boolean): number {
    return isOver ? this.#ended - this.#exported : this.#failed;
  }
}
