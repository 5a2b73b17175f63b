import { OptionError } from './errors.ts';

// Checks of values that several options need. Each returns the value that was given, or throws `OptionError`.

/** A text that is not empty. */
export function textOption(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new OptionError(option, given, 'a text that is not empty');
}

/** A boolean, or `undefined` where the option is left out. */
export function booleanOption(option: string, given: unknown): boolean | undefined {
  if (given === undefined || typeof given === 'boolean') return given;
  throw new OptionError(option, given, 'true or false');
}

/** A whole number from `least` to `most`. */
export function countOption(option: string, given: unknown, least: number, most = Infinity): number {
  if (Number.isSafeInteger(given) && (given as number) >= least && (given as number) <= most) {
    return given as number;
  }
  throw new OptionError(
    option,
    given,
    `a whole number from ${least}${most === Infinity ? '' : ` to ${most}`}`,
  );
}

/** Checks an option that must be a list. Throws `OptionError`. */
export function iterableOption<T>(option: string, given: Iterable<T>, expected: string): Iterable<T> {
  if (typeof given === 'object' && typeof given?.[Symbol.iterator] === 'function') return given;
  throw new OptionError(option, given, expected);
}
