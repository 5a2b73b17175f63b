import { flushNow } from './at-exit.ts';
import { dispatch } from './context.ts';

/** What ends a program politely. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** How long a signal's death may be put off, in milliseconds; init systems wait for at least 10 s. */
const TIMEOUT = 2000;

/**
 * Has a signal that ends the program flush the global default subscriber first; then the program dies of
 * that signal, as it would have. A second one ends it at once. Where the program listens for the signal
 * itself it is only flushed, and the program says what happens. Returns how to take that back.
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
