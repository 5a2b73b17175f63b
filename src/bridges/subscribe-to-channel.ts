import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LayerError, messageOf } from '../errors.ts';
import { isSuppressedByContext } from '../opentelemetry/registered-globals.ts';
import { currentSubscriber } from '../tracing/context.ts';
import { isTracingSuppressed } from '../tracing/suppress-tracing.ts';

/** Calls `listener` with each message of a channel of Node.js. Returns how to unsubscribe. */
export function subscribeToChannel<Message>(
  channel: string,
  listener: (message: Message) => void,
): () => void {
  const guarded = neverThrowing(channel, listener) as (message: unknown) => void;
  subscribe(channel, guarded);
  return () => unsubscribe(channel, guarded);
}

/**
 * The same listener, but it never throws, because Node.js would end the program. What `listener` throws is reported
 * once.
 */
export function neverThrowing<Args extends unknown[]>(
  source: string,
  listener: (...args: Args) => void,
): (...args: Args) => void {
  let isReported = false;
  return (...args) => {
    try {
      listener(...args);
    } catch (thrown) {
      if (isReported) return;
      isReported = true;
      const text = `the bridge from ${source} threw: ${messageOf(thrown)}; it stays in use`;
      currentSubscriber()?.problem(new LayerError(text, thrown));
    }
  };
}

/** Whether the code that runs now makes no spans: the package's own, and what OpenTelemetry's `suppressTracing` runs. */
export function isSuppressed(): boolean {
  return isTracingSuppressed() || isSuppressedByContext();
}
