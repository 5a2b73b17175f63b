import { writeThrough } from './at-exit.ts';
import { Target } from './target.ts';

const program = new Target();
/** How long a crash may be delayed where nothing else tells of the end, in milliseconds. */
const CRASH_TIME = 500;

/**
 * Emits an ERROR event for each uncaught error, and changes nothing else about its handling. Returns a function that
 * undoes this.
 */
export function reportCrashes(): () => void {
  const report = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    program.error({ error, origin }, 'uncaught error');
    // It ends then without the event `exit`.
    if (process.versions['deno'] !== undefined) writeThrough(CRASH_TIME);
  };
  process.on('uncaughtExceptionMonitor', report);
  return () => process.off('uncaughtExceptionMonitor', report);
}
