import { flushNow } from './at-exit.ts';
import { dispatch } from './context.ts';

/** The signals that ask a program to end. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long a flush may delay the end of the program, in milliseconds. Init systems wait for at least 10 s. */
const TIMEOUT = 2000;

/**
 * Flushes the global default subscriber when a signal arrives, then ends the program by that signal. A second signal
 * ends it at once. If the program has a listener of its own for the signal, only the flush happens. Returns a function
 * that undoes this.
 */
export function installSignalHandlers(signals: readonly NodeJS.Signals[] = SIGNALS): () => void {
  let isEnding = false;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const isOurs = process.listenerCount(signal) === 1;
    if (isOurs && isEnding) return die(signal);
    isEnding ||= isOurs;
    await dispatch.global?.flush({ timeout: TIMEOUT });
    if (isOurs) die(signal);
  };
  const die = (signal: NodeJS.Signals): void => {
    flushNow();
    uninstall();
    process.kill(process.pid, signal);
  };
  const listener = (signal: NodeJS.Signals): void => void end(signal);
  const uninstall = (): void => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return uninstall;
}
