import { constants } from 'node:os';
import { OptionError } from '../errors.ts';

/** Checks the name of a signal that a process can listen for. Throws `OptionError`. */
export function signalOption(
  option: string,
  given: unknown,
  allowed = "the name of a signal that can be listened for, such as 'SIGHUP'",
): NodeJS.Signals {
  const isName = typeof given === 'string' && Object.hasOwn(constants.signals, given);
  if (isName && given !== 'SIGKILL' && given !== 'SIGSTOP') return given as NodeJS.Signals;
  throw new OptionError(option, given, allowed);
}
