import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LayerError, messageOf } from '../errors.ts';
import { currentSubscriber } from '../tracing/context.ts';

type Hear<Message> = (message: Message) => void;

/** Subscribes to a channel of Node.js; returns how to end that. */
export function listen<Message>(channel: string, hear: Hear<Message>): () => void {
  const guarded = neverThrowing(channel, hear) as Hear<unknown>;
  subscribe(channel, guarded);
  return () => unsubscribe(channel, guarded);
}

/** `hear`, which never throws: Node.js would end the program. What it throws is reported once. */
export function neverThrowing<Args extends unknown[]>(
  what: string,
  hear: (...args: Args) => void,
): (...args: Args) => void {
  let threw = false;
  return (...args) => {
    try {
      hear(...args);
    } catch (thrown) {
      if (threw) return;
      threw = true;
      const text = `the bridge from ${what} threw: ${messageOf(thrown)}; it stays in use`;
      currentSubscriber()?.problem(new LayerError(text, thrown));
    }
  };
}
