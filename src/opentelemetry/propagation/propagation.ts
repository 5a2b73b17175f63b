import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import type { Span } from '../../tracing/span.ts';
import { HEADERS_GETTER, HEADERS_SETTER } from './carrier.ts';
import { RemoteSpan } from './remote-span.ts';
import { FLAGS } from './trace-context.ts';

/**
 * Writes the active context, which inside of a span is that span's, into `carrier` (an object of headers, or what
 * has `set` as `Headers` does) and returns it: with W3C propagators `traceparent`, `tracestate` and `baggage`. Writes
 * nothing if no propagator is registered.
 */
export function inject<C extends object = Record<string, string>>(carrier: C = {} as C): C {
  propagation.inject(context.active(), carrier, HEADERS_SETTER);
  return carrier;
}

/**
 * The span of another process that `carrier` tells of, as `parent` of new ones: an object of headers, `Headers`, or a
 * list of names and values. What is malformed is ignored as W3C specifies: a span without a trace to continue starts
 * its own. Throws never.
 */
export function extract(carrier: object): Span {
  return new RemoteSpan(extractedFrom(ROOT_CONTEXT, carrier, HEADERS_GETTER));
}

/** Runs `fn` in the context that `carrier` holds and returns what it returns; spans made there have the remote span as parent. */
export function withRemoteContext<R>(carrier: object, fn: () => R): R {
  return context.with(extractedFrom(context.active(), carrier, HEADERS_GETTER), fn);
}

/** `base` with what the propagator finds in a carrier. */
export function extractedFrom<C extends object>(
  base: Context,
  carrier: C,
  getter: TextMapGetter<C>,
): Context {
  try {
    const found = propagation.extract(base, carrier, getter);
    const ids = trace.getSpanContext(found);
    if (ids === undefined || (ids.traceFlags & FLAGS) === ids.traceFlags) return found;
    return trace.setSpanContext(found, { ...ids, traceFlags: ids.traceFlags & FLAGS });
  } catch {
    // A propagator of the program's own, or a carrier whose members throw.
    return base;
  }
}

/** `active`, and what `inherited` has of a trace and baggage where `active` has none. */
export function joining(active: Context, inherited: Context | undefined): Context {
  if (inherited === undefined || trace.getSpan(active) !== undefined) return active;
  const span = trace.getSpan(inherited);
  const baggage = propagation.getBaggage(active) ?? propagation.getBaggage(inherited);
  const joined = span === undefined ? active : trace.setSpan(active, span);
  return baggage === undefined ? joined : propagation.setBaggage(joined, baggage);
}
