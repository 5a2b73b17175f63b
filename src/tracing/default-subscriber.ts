import { SubscriberSetError } from '../errors.ts';
import { functionOption, objectWith } from '../option.ts';
import { dispatch, updateVerbosity } from './context.ts';
import { reportCrashes } from './report-crashes.ts';
import type { Registry } from './registry.ts';

/** One of another copy of the package is one, too. */
const registryOption = objectWith<Registry>('a Registry', 'with', 'flush', 'stats');

/**
 * Makes `subscriber` the global default of this process (in a worker: of this thread) until its `shutdown()`. An
 * uncaught error becomes an ERROR event meanwhile. Throws `SubscriberSetError` if there is a global default, and `OptionError` for what is no registry.
 *
 * @example
 * ```ts
 * const registry = new Registry().with(new StderrLayer());
 * setGlobalDefault(registry);
 * await registry.shutdown(); // then another one can be set
 * ```
 */
export function setGlobalDefault(subscriber: Registry): void {
  registryOption('subscriber', subscriber);
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

/**
 * Runs `fn`, and what it awaits, with `subscriber` in place of the global default. Returns what `fn` returns.
 *
 * @example
 * ```ts
 * const layer = new MemoryLayer();
 * withDefault(new Registry().with(layer), () => info('seen by this layer alone'));
 * console.log(layer.take().events);
 * ```
 */
export function withDefault<R>(subscriber: Registry, fn: () => R): R {
  registryOption('subscriber', subscriber);
  functionOption('fn', fn);
  subscriber.becomeScopedDefault();
  const carried = dispatch.storage.getStore()?.carried;
  return dispatch.storage.run({ span: undefined, subscriber, scope: undefined, carried }, fn);
}
