import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { functionOption } from '../../option.ts';
import type { Span } from '../../tracing/span.ts';
import { HEADERS_GETTER, HEADERS_SETTER } from './carrier.ts';
import { RemoteSpan } from './remote-span.ts';
import { FLAGS } from './trace-context.ts';

/**
 * Writes the active context, which is the current span's inside of a span, to `carrier` and returns `carrier`. The
 * carrier is an object of headers, or has a method `set`, such as `Headers`. W3C's propagators write `traceparent`,
 * `tracestate` and `baggage`. Without a registered propagator nothing is written.
 *
 * @example
 * ```ts
 * await fetch('https://api.internal/disks', { headers: inject() });
 * ```
 */
export function inject<C extends object = Record<string, string>>(carrier: C = {} as C): C {
  propagation.inject(context.active(), carrier, HEADERS_SETTER);
  return carrier;
}

/**
 * The remote span that `carrier` describes, to be the `parent` of new spans. The carrier is an object of headers,
 * `Headers`, or an iterable of names and values. Malformed headers are ignored, as W3C specifies; a child of such a
 * span starts a trace of its own. Never throws.
 *
 * @example
 * ```ts
 * createServer(({ headers }, response) => {
 *   inSpan('request', { parent: extract(headers) }, () => response.end());
 * });
 * ```
 */
export function extract(carrier: object): Span {
  return new RemoteSpan(extractContext(ROOT_CONTEXT, carrier, HEADERS_GETTER));
}

/**
 * Runs `fn` in the context that `carrier` describes and returns its result. The remote span is the parent of spans that start there.
 *
 * @example
 * ```ts
 * withRemoteContext({ traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }, () => info('in that trace'));
 * ```
 */
export function withRemoteContext<R>(carrier: object, fn: () => R): R {
  functionOption('fn', fn);
  return context.with(extractContext(context.active(), carrier, HEADERS_GETTER), fn);
}

/** `base`, with what the propagator extracts from `carrier`. Never throws. */
export function extractContext<C extends object>(
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
    // The program's own propagator threw, or a getter of the carrier did.
    return base;
  }
}

/** `active`, completed by the span and the baggage of `inherited`; unchanged if `active` has a span. */
export function withInherited(active: Context, inherited: Context | undefined): Context {
  if (inherited === undefined || trace.getSpan(active) !== undefined) return active;
  const span = trace.getSpan(inherited);
  const baggage = propagation.getBaggage(active) ?? propagation.getBaggage(inherited);
  const joined = span === undefined ? active : trace.setSpan(active, span);
  return baggage === undefined ? joined : propagation.setBaggage(joined, baggage);
}
