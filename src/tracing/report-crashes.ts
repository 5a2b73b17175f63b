import { Target } from './target.ts';

const program = new Target();

/**
 * Has what kills the program become an ERROR event first; whatever else is done about it stays as it is.
 * Returns how to take that back.
 */
export function reportCrashes(): () => void {
  const report = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    program.error({ error, origin }, 'uncaught error');
  };
  process.on('uncaughtExceptionMonitor', report);
  return () => process.off('uncaughtExceptionMonitor', report);
}
