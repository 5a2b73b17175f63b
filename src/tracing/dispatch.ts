import { SubscriberSetError } from '../errors.ts';
import { dispatch, updateVerbosity } from './context.ts';
import type { Registry } from './registry.ts';

/**
 * Makes `subscriber` the one that hears of everything in this process (in a worker: in this thread),
 * until its `shutdown()`. Throws `SubscriberSetError` if there is one.
 */
export function setGlobalDefault(subscriber: Registry): void {
  if (dispatch.global !== undefined) throw new SubscriberSetError();
  dispatch.global = subscriber;
  subscriber.onShutdown(() => {
    if (dispatch.global === subscriber) dispatch.global = undefined;
    updateVerbosity();
  });
  updateVerbosity();
}

/** Runs `fn`, and what it awaits, with another subscriber; returns what `fn` returns. */
export function withDefault<R>(subscriber: Registry, fn: () => R): R {
  subscriber.enterScope();
  return dispatch.storage.run({ span: undefined, subscriber }, fn);
}
