import { readFileSync } from 'node:fs';
import {
  createTraceState,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { suppressTracing, W3CTraceContextPropagator } from '@opentelemetry/core';
import test from 'ava';
import fc from 'fast-check';
import { HEADERS_GETTER } from '../src/opentelemetry/propagation/carrier.ts';
import { TraceContextPropagator } from '../src/opentelemetry/propagation/trace-context.ts';

interface Case {
  title: string;
  headers: [string, string][];
  continues: boolean;
  tracestate?: string | null;
}

const { traceId, parentId, cases } = JSON.parse(
  readFileSync(new URL('fixtures/trace-context.json', import.meta.url), 'utf8'),
) as { traceId: string; parentId: string; cases: Case[] };
const IDS = { traceId, spanId: parentId, traceFlags: 1 };
const propagator = new TraceContextPropagator();

function sentOn(headers: object, getter = HEADERS_GETTER): Record<string, string> {
  const sent = {};
  propagator.inject(propagator.extract(ROOT_CONTEXT, headers, getter), sent, defaultTextMapSetter);
  return sent;
}

for (const [index, { title, headers, continues, tracestate }] of cases.entries()) {
  test(`W3C ${index + 1}: ${title}`, (t) => {
    const sent = sentOn(headers);
    if (continues) t.regex(sent['traceparent'] ?? '', new RegExp(`^00-${traceId}-${parentId}-0[0-3]$`));
    else t.deepEqual(sent, {});
    if (continues && tracestate !== undefined) t.is(sent['tracestate'], tracestate ?? undefined);
  });
}

test('what comes from other getters is read as strictly', (t) => {
  const parent = `00-${traceId}-${parentId}-01`;
  const read = (headers: object) => sentOn(headers, defaultTextMapGetter);
  t.deepEqual(read({ traceparent: parent, tracestate: ['foo=1', 'bar=2'] }), {
    traceparent: parent,
    tracestate: 'foo=1,bar=2',
  });
  t.deepEqual(read({ traceparent: [parent], tracestate: 'foo' }), { traceparent: parent });
  t.deepEqual(read({ traceparent: [parent, parent] }), {});
  t.deepEqual(read({ traceparent: 5 }), {});
});

test('a remote span is marked as such, its flags are those that are defined', (t) => {
  const found = propagator.extract(
    ROOT_CONTEXT,
    [['traceparent', `00-${traceId}-${parentId}-fd`]],
    HEADERS_GETTER,
  );
  t.deepEqual(trace.getSpanContext(found), { ...IDS, traceFlags: 1, isRemote: true });
});

test('it writes what the propagator of OpenTelemetry writes', (t) => {
  const theirs = new W3CTraceContextPropagator();
  t.deepEqual(propagator.fields(), theirs.fields());
  const written = (from: typeof theirs | typeof propagator, context: typeof ROOT_CONTEXT) => {
    const sent = {};
    from.inject(context, sent, defaultTextMapSetter);
    return sent;
  };
  const traceState = createTraceState('foo=1');
  const sampled = trace.setSpanContext(ROOT_CONTEXT, { ...IDS, traceState });
  for (const context of [
    ROOT_CONTEXT,
    sampled,
    suppressTracing(sampled),
    trace.setSpanContext(ROOT_CONTEXT, { ...IDS, traceFlags: 0 }),
    trace.setSpanContext(ROOT_CONTEXT, { ...IDS, spanId: '0'.repeat(16) }),
  ]) {
    t.deepEqual(written(propagator, context), written(theirs, context));
  }
});

test('nothing that is malformed throws or continues a trace', (t) => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefG-'), minLength: length, maxLength: length });
  const parent = fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join('-'));
  fc.assert(
    fc.property(fc.oneof(parent, fc.string()), fc.string(), (traceparent, tracestate) => {
      const sent = sentOn({ traceparent, tracestate }, defaultTextMapGetter)['traceparent'];
      t.true(sent === undefined || sent.slice(3, 52) === traceparent.trim().slice(3, 52));
    }),
  );
});
