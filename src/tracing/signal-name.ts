import { OptionError } from '../errors.ts';

/** Checks the name of a signal that a process can listen for. Throws `OptionError`. */
export function signalOption(
  option: string,
  given: unknown,
  allowed = "the name of a signal that can be listened for, such as 'SIGHUP'",
): NodeJS.Signals {
  const { signals } = process.getBuiltinModule('node:os').constants;
  const isName = typeof given === 'string' && Object.hasOwn(signals, given);
  if (isName && given !== 'SIGKILL' && given !== 'SIGSTOP') return given as NodeJS.Signals;
  throw new OptionError(option, given, allowed);
}
