import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import type { PoolSource } from '../../src/diagnostics/read/read-diagnostics.ts';
import { replay, type ReplayOptions } from '../../src/opentelemetry/index.ts';
import type { PoolRecord } from '../../src/pool/record.ts';
import { keyOf, payload } from './diag-records.ts';

/** Where the pools of all four writers are. */
export const SAMPLES = '__test__/fixtures/samples';

/** What a replay exports, and what it says. */
export async function replayed(pool: PoolSource, options?: ReplayOptions) {
  const exporter = new InMemorySpanExporter();
  const said = await replay(pool, exporter, options);
  const spans = exporter.getFinishedSpans();
  const named = (name: string): ReadableSpan => {
    const found = spans.find((span) => span.name === name);
    if (found === undefined) throw new Error(`no span ${name}`);
    return found;
  };
  return { ...said, exported: spans, named };
}

/** `child<parent`, by name. */
export function shape(spans: readonly ReadableSpan[]): string[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return spans
    .map(({ name, parentSpanContext }) =>
      parentSpanContext === undefined ? name : `${name}<${names.get(parentSpanContext.spanId)}`,
    )
    .sort();
}

export const idsOf = (spans: readonly ReadableSpan[]) =>
  spans.map((span) => [span.name, span.spanContext().traceId, span.spanContext().spanId]).sort();

export const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

/** Records of a span `id`. */
export const started = (id: string, second: number, more: object = {}): PoolRecord => ({
  key: keyOf({ kind: 'start', name: id, id, time: at(second) }),
  value: JSON.stringify({ target: 'app', level: 'INFO', fields: {}, ...more }),
});
export const finished = (id: string, second: number, duration: number, more: object = {}): PoolRecord => ({
  key: keyOf({ kind: 'finish', name: id, id, time: at(second), result: 'success', duration: `${duration}` }),
  value: JSON.stringify({ target: 'app', level: 'INFO', fields: {}, ...more }),
});
export const happened = (message: string, second: number, more: object = {}): PoolRecord => ({
  key: keyOf({ name: 'work', id: message, time: at(second) }),
  value: payload(message, more),
});
