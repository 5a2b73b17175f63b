import {
  type Context,
  createTraceState,
  isSpanContextValid,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { wellFormed } from './carrier.ts';

const PARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The trace flags that W3C defines: sampled, random trace id. Other flags are cleared, as W3C specifies. */
export const FLAGS = 0b11;

/** The context key that OpenTelemetry's `suppressTracing` sets. */
export const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** Propagates W3C's trace context in programs that have OpenTelemetry's API but not its packages. */
export class TraceContextPropagator implements TextMapPropagator {
  inject(active: Context, carrier: unknown, setter: TextMapSetter): void {
    const ids = trace.getSpanContext(active);
    if (ids === undefined || !isSpanContextValid(ids) || active.getValue(SUPPRESSED) === true) return;
    setter.set(carrier, 'traceparent', `00-${ids.traceId}-${ids.spanId}-0${ids.traceFlags & FLAGS}`);
    const state = ids.traceState?.serialize();
    if (state) setter.set(carrier, 'tracestate', state);
  }

  extract(base: Context, carrier: unknown, getter: TextMapGetter): Context {
    const read = (name: string) => {
      const values = [getter.get(carrier, name) ?? []].flat();
      return values.length === 0 ? undefined : wellFormed(name, values.join(','));
    };
    const [, version, traceId = '', spanId = '', flags = '', more] =
      PARENT.exec(read('traceparent') ?? '') ?? [];
    if (version === '00' && more !== undefined) return base;
    const ids = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & FLAGS, isRemote: true };
    if (!isSpanContextValid(ids)) return base;
    const state = read('tracestate');
    return trace.setSpanContext(base, state ? { ...ids, traceState: createTraceState(state) } : ids);
  }

  fields(): string[] {
    return ['traceparent', 'tracestate'];
  }
}
