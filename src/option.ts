import { OptionError } from './errors.ts';

// Checks that several options need. Each throws `OptionError`, or returns what was given.

export function textOption(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new OptionError(option, given, 'a text that is not empty');
}

export function booleanOption(option: string, given: unknown): boolean | undefined {
  if (given === undefined || typeof given === 'boolean') return given;
  throw new OptionError(option, given, 'true or false');
}

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
