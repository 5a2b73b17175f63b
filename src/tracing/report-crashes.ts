import { Target } from './target.ts';

const program = new Target();

/**
 * Emits an ERROR event for each uncaught error, and changes nothing else about its handling. Returns a function that
 * undoes this.
 */
export function reportCrashes(): () => void {
  const report = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    program.error({ error, origin }, 'uncaught error');
  };
  process.on('uncaughtExceptionMonitor', report);
  return () => process.off('uncaughtExceptionMonitor', report);
}
