/**
 * How urgent a span or event is, most urgent first.
 *
 * @example
 * ```ts
 * event(Level.WARN, 'nearly full');
 * ```
 */
export const Level = Object.freeze({
  ERROR: 'ERROR',
  WARN: 'WARN',
  INFO: 'INFO',
  DEBUG: 'DEBUG',
  TRACE: 'TRACE',
} as const);

export type Level = (typeof Level)[keyof typeof Level];

/** The name of a level in upper or lower case. */
export type LevelName = Level | Lowercase<Level>;

/** The name of a level, or `off`. */
export type LevelFilterName = LevelName | 'OFF' | 'off';

/** A level as a number, from 1 (ERROR) to 5 (TRACE); 0 is off. */
export type Verbosity = 0 | 1 | 2 | 3 | 4 | 5;

/** All levels, most urgent first. */
export const LEVELS = Object.values(Level);

/** The verbosity of a level's name in any case; `undefined` for anything else. */
export function verbosityOf(name: unknown): Verbosity | undefined {
  if (typeof name !== 'string') return undefined;
  return verbosityIn(name) ?? verbosityIn(name.toUpperCase());
}

/** The names that programs write. Not a table: searching one would cost as much as all the rest of a span that is off. */
function verbosityIn(name: string): Verbosity | undefined {
  switch (name) {
    case 'OFF':
    case 'off':
      return 0;
    case 'ERROR':
    case 'error':
      return 1;
    case 'WARN':
    case 'warn':
      return 2;
    case 'INFO':
    case 'info':
      return 3;
    case 'DEBUG':
    case 'debug':
      return 4;
    case 'TRACE':
    case 'trace':
      return 5;
    default:
      return undefined;
  }
}

/** The level of a name in any case. Anything else is INFO, because emitting never throws. */
export function levelOf(name: unknown): Level {
  return LEVELS[(verbosityOf(name) || 3) - 1] ?? Level.INFO;
}
