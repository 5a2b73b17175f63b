import { context, propagation } from '@opentelemetry/api';

/**
 * Writes the active context, which inside of a span is that span's, into `carrier` and returns it: with
 * W3C propagators `traceparent`, `tracestate` and `baggage`. Writes nothing if no propagator is registered.
 */
export function inject<C extends object = Record<string, string>>(carrier: C = {} as C): C {
  propagation.inject(context.active(), carrier);
  return carrier;
}

/** Runs `fn` in the context that `carrier` holds and returns what it returns; spans made there have the remote span as parent. */
export function withRemoteContext<R>(carrier: object, fn: () => R): R {
  return context.with(propagation.extract(context.active(), carrier), fn);
}
