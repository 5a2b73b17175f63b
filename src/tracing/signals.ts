import { OptionError } from '../errors.ts';
import { flushNow, writeThrough } from './at-exit.ts';
import { dispatch } from './context.ts';
import { shared } from './shared.ts';
import { SignalHub } from './signal-hub.ts';
import { signalOption } from './signal-name.ts';
import { Target } from './target.ts';

/** The signals that ask a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// The number in the key changes with the type: versions of the package with the same type share one object.
const KEY = 'kvp-tracing.signals.1';

const log = new Target('kvp_tracing');

/**
 * Flushes the global default subscriber when a signal arrives, within 2 s, then ends the program by that signal. A
 * second signal ends it at once. If the program has a listener of its own for the signal, that decides what happens: the
 * pool is written within 500 ms and the other layers are flushed meanwhile. In both cases a WARN event of the target
 * `kvp_tracing` names the signal. Returns a function that undoes this. Does nothing in a worker thread, which gets no
 * signals. Throws `OptionError` for what is no list of signals that can be listened for.
 *
 * @example
 * ```ts
 * const remove = installSignalHandlers(['SIGTERM']);
 * remove();
 * ```
 */
export function installSignalHandlers(signals: readonly NodeJS.Signals[] = SIGNALS): () => void {
  const chosen = signalsOption('signals', signals);
  if (!process.getBuiltinModule('node:worker_threads').isMainThread) return () => {};
  const hub = shared(KEY, () => new SignalHub());
  return hub.add({
    signals: new Set(chosen),
    received: (signal) => log.warn({ signal }, 'received a signal'),
    writeThrough,
    flush: async (timeout) => void (await dispatch.global?.flush({ timeout })),
    flushNow,
  });
}

function signalsOption(option: string, given: unknown): NodeJS.Signals[] {
  const allowed = "a list of names of signals, such as ['SIGTERM']";
  if (!Array.isArray(given)) throw new OptionError(option, given, allowed);
  return given.map((signal: unknown) => signalOption(option, signal, allowed));
}
