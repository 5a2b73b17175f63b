import { SubscriberSetError } from '../errors.ts';
import { dispatch, updateVerbosity } from './context.ts';
import { reportCrashes } from './report-crashes.ts';
import type { Registry } from './registry.ts';

/**
 * Makes `subscriber` the one that hears of everything in this process (in a worker: in this thread),
 * until its `shutdown()`; what kills the program is an ERROR event then. Throws `SubscriberSetError` if there is one.
 */
export function setGlobalDefault(subscriber: Registry): void {
  if (dispatch.global !== undefined) throw new SubscriberSetError();
  dispatch.global = subscriber;
  const forgetCrashes = reportCrashes();
  subscriber.onShutdown(() => {
    forgetCrashes();
    if (dispatch.global === subscriber) dispatch.global = undefined;
    updateVerbosity();
  });
  updateVerbosity();
}

/** Runs `fn`, and what it awaits, with another subscriber; returns what `fn` returns. */
export function withDefault<R>(subscriber: Registry, fn: () => R): R {
  subscriber.becomeScopedDefault();
  return dispatch.storage.run({ span: undefined, subscriber, scope: undefined }, fn);
}
