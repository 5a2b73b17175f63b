import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { renderTree } from 'kvp-tracing';

type Tree = Parameters<typeof renderTree>[0];
type TreeSpan = Tree['roots'][number];

/** Spans of OpenTelemetry in the form in which a pool's are shown. */
export function spanTree(spans: readonly ReadableSpan[]): string {
  const childrenOf = (parent: string | undefined): TreeSpan[] =>
    spans
      .filter((span) => span.parentSpanContext?.spanId === parent)
      .map((span) => ({
        name: span.name,
        state: 'finished',
        duration: seconds(span.duration),
        result: span.status.code === SpanStatusCode.ERROR ? 'fail' : 'success',
        start: date(span.startTime),
        events: span.events.map(({ name, time, attributes = {} }) => {
          const { level, target: _target, 'exception.stacktrace': _stack, ...fields } = attributes;
          return { message: name, time: date(time), fields, ...(typeof level === 'string' && { level }) };
        }),
        children: childrenOf(span.spanContext().spanId),
      }));
  return renderTree({ roots: childrenOf(undefined) });
}

function seconds([whole, nanos]: readonly [number, number]): number {
  return whole + nanos / 1e9;
}

function date(time: readonly [number, number]): Date {
  return new Date(seconds(time) * 1000);
}
