import { isMainThread } from 'node:worker_threads';
import { flushNow, writeThrough } from './at-exit.ts';
import { dispatch } from './context.ts';
import { SignalHub } from './signal-hub.ts';
import { Target } from './target.ts';

/** The signals that ask a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// The number in the key changes with the type: versions of the package with the same type share one object.
const KEY = Symbol.for('kvp-tracing.signals.1');
const globals = globalThis as { [KEY]?: SignalHub };

const log = new Target('kvp_tracing');

/**
 * Flushes the global default subscriber when a signal arrives, within 2 s, then ends the program by that signal. A
 * second signal ends it at once. If the program has a listener of its own for the signal, that decides what happens: the
 * pool is written within 500 ms and the other layers are flushed meanwhile. In both cases a WARN event of the target
 * `kvp_tracing` names the signal. Returns a function that undoes this. Does nothing in a worker thread, which gets no
 * signals.
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
