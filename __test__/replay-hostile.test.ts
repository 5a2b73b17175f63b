import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { readDiagnosticsSync } from '../src/diagnostics/read/read-diagnostics.ts';
import { keyOf, VM } from './helpers/diag-records.ts';
import { millisOf } from './helpers/exported-spans.ts';
import { at, replayed, started } from './helpers/replayed.ts';

test('nesting without end is no problem', async (t) => {
  const depth = 20_000;
  const pool = Array.from({ length: depth }, (_, i) =>
    started(`s${i}`, 1, i === 0 ? {} : { parent: `s${i - 1}` }),
  );
  const { exported } = await replayed(pool, { unfinished: true });
  t.is(exported.length, depth);
  t.is(new Set(exported.map((span) => span.spanContext().traceId)).size, 1);
});

const word = fc.constantFrom(
  'a',
  'b',
  'c',
  '__proto__',
  'otel.name',
  'otel.kind',
  'otel.status_code',
  'level',
  '|',
);
const hex = fc.constantFrom('ab'.repeat(16), '12'.repeat(8), '0'.repeat(16), '0'.repeat(32), 'x', '');
const time = fc.constantFrom('0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z', at(1), at(2), 'now');
const said = fc.record(
  {
    target: fc.oneof(word, fc.jsonValue()),
    level: fc.constantFrom('INFO', 'ERROR', 'LOUD', 5),
    fields: fc.dictionary(word, fc.oneof(fc.jsonValue(), fc.constantFrom(1e300, -1e300, 2 ** 63, -0))),
    parent: word,
    span: word,
    trace_id: hex,
    span_id: hex,
  },
  { requiredKeys: ['fields'] },
);
const hostile = fc.record({
  key: fc.oneof(
    fc.string({ maxLength: 60 }),
    fc
      .tuple(
        fc.constantFrom('start', 'finish', 'event'),
        word,
        word,
        time,
        fc.constantFrom('0', '1.5', '1e300', ''),
      )
      .map(([kind, name, id, when, duration]) =>
        keyOf({ kind, name, id, time: when, ...(kind === 'finish' ? { result: 'fail', duration } : {}) }),
      ),
    fc
      .tuple(word, fc.constantFrom('start', 'finish', 'x'))
      .map(([name, kind]) => `CLOUD_INIT|1|${kind}|${name}|${VM}`),
    word.map((name) => `a-1|${VM}|ERROR|m:${name}|${VM}`),
  ),
  value: fc.oneof(
    fc.string({ maxLength: 60 }),
    said.map((value) => JSON.stringify(value)),
    time.map((when) =>
      JSON.stringify({ name: 'a', ts: when, duration: 1e300, result: 'WARN', msg: '\ud800' }),
    ),
    fc.tuple(time, time).map(([one, other]) => `Start: ${one} | End: ${other}`),
    time.map((when) => `Time: ${when} | Event: message=x, a=1`),
  ),
});

test('whatever is in a pool, replaying it throws nothing and makes valid spans', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 30 }), async (pool) => {
      const { exported, next } = await replayed(pool, { unfinished: true, events: true });
      const ids = exported.map((span) => span.spanContext().spanId);
      if (new Set(ids).size !== ids.length || next.forwarded.length !== ids.length) return false;
      const { spans } = await replayed(pool, { unfinished: true, events: true, since: next });
      if (spans !== 0) return false;
      ProtobufTraceSerializer.serializeRequest([...exported]);
      JsonTraceSerializer.serializeRequest([...exported]);
      const { diagnostics } = readDiagnosticsSync(pool);
      const events = exported.reduce((sum, span) => sum + span.events.length, 0);
      return (
        events === diagnostics.filter(({ kind }) => kind === 'event').length &&
        exported.every((span) => isValid(t, span))
      );
    }),
  );
});

function isValid(t: ExecutionContext, span: ReadableSpan): boolean {
  const { traceId, spanId } = span.spanContext();
  t.regex(`${traceId}-${spanId}`, /^(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}$/);
  if (span.parentSpanContext !== undefined) t.is(span.parentSpanContext.traceId, traceId);
  for (const [seconds, nanos] of [span.startTime, span.endTime, span.duration]) {
    t.true(Number.isInteger(seconds) && seconds >= 0 && Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9);
  }
  return millisOf(span.endTime) >= millisOf(span.startTime);
}
