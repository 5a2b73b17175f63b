import { isMainThread } from 'node:worker_threads';
import { flushNow, writeThrough } from './at-exit.ts';
import { dispatch } from './context.ts';
import { SignalHub } from './signal-hub.ts';
import { Target } from './target.ts';

/** The signals that ask a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// The number changes with the shape: two versions with one shape share one hub.
const KEY = Symbol.for('kvp-tracing.signals.1');
const globals = globalThis as { [KEY]?: SignalHub };

const log = new Target('kvp_tracing');

/**
 * Has a signal that ends the program flush the global default subscriber first, within 2 s; then the program dies
 * of that signal, as it would have. A second one ends it at once. Where somebody else listens for the signal, who
 * then says what happens, the pool is written within 500 ms and the rest is flushed meanwhile. In both cases a
 * WARN event of the target `kvp_tracing` names the signal. Returns how to take that back; does nothing in a worker
 * thread, which gets no signals.
 */
export function installSignalHandlers(signals: readonly NodeJS.Signals[] = SIGNALS): () => void {
  if (!isMainThread) return () => {};
  const hub = (globals[KEY] ??= new SignalHub());
  return hub.add({
    signals: new Set(signals),
    received: (signal) => log.warn({ signal }, 'received a signal'),
    writeThrough,
    flush: async (timeout) => void (await dispatch.global?.flush({ timeout })),
    flushNow,
  });
}
