import { isAbsolute } from 'node:path';
import { types } from 'node:util';
import { messageOf, OptionError } from './errors.ts';

/** Checks what was given for an option. Returns it, or throws `OptionError`. */
export type Check<T = unknown> = (option: string, given: unknown) => T;

/** The options that there are, and how each is checked. */
export type Checks<T> = { readonly [K in keyof T]-?: Check<Exclude<T[K], undefined>> };

const { toString } = Object.prototype;

/**
 * Reads options: each is checked, `undefined` is left out, and a name that is not among `checks` is refused. Only own
 * properties count, so that nothing that a polluted `Object.prototype` has chooses anything; for the same reason the
 * result has no prototype. `section` is the name of the option that the options belong to. Throws `OptionError`.
 */
export function readOptions<T extends object>(checks: Checks<T>, given: T | undefined, section = ''): T {
  const options = Object.create(null) as Record<string, unknown>;
  if (given === undefined) return options as T;
  objectOption(section === '' ? 'options' : section, given);
  for (const name of Object.keys(given)) {
    const option = section === '' ? name : `${section}.${name}`;
    if (!Object.hasOwn(checks, name)) refuseName(name, checks, section);
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) options[name] = (checks as Record<string, Check>)[name]?.(option, value);
  }
  return options as T;
}

/** Refuses the name of an option that there is not. The error names all that there are, and the one that may be meant. */
export function refuseName(name: string, checks: object, section = ''): never {
  const known = Object.keys(checks);
  const meant = nearestOf(name, known);
  throw OptionError.unknown(
    section || 'options',
    name,
    known,
    section === '' ? meant : `${section}.${meant}`,
  );
}

/** The known name that is spelled most like `name`. */
function nearestOf(name: string, known: readonly string[]): string {
  // Longer than every name there is, so that a name of any length costs little.
  const start = name.slice(0, 64).toLowerCase();
  const distances = new Map(known.map((each) => [each, distance(start, each.toLowerCase())]));
  return known.reduce((best, each) =>
    (distances.get(each) as number) < (distances.get(best) as number) ? each : best,
  );
}

/** How many characters must be added, removed or replaced to make `b` of `a`. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** An object that can hold options, see `isPlain`. */
export function objectOption<T extends object>(option: string, given: unknown): T {
  if (isPlain(given)) return given as T;
  throw new OptionError(option, given, 'an object of options');
}

/** Whether it is an object of any class and realm but the builtin ones: no list, Map, Date, promise or the like. */
export function isPlain(given: unknown): given is object {
  if (typeof given !== 'object' || given === null) return false;
  const tag: unknown = Reflect.apply(toString, given, []);
  return tag === '[object Object]' || tag === '[object Module]';
}

/** A text that is not empty. */
export function textOption(option: string, given: unknown): string {
  if (typeof given === 'string' && given !== '') return given;
  throw new OptionError(option, given, 'a text that is not empty');
}

export function booleanOption(option: string, given: unknown): boolean {
  if (typeof given === 'boolean') return given;
  throw new OptionError(option, given, 'true or false');
}

export function functionOption<F extends (...args: never[]) => unknown>(option: string, given: unknown): F {
  if (typeof given === 'function') return given as F;
  throw new OptionError(option, given, 'a function');
}

export function dateOption(option: string, given: unknown): Date {
  if (types.isDate(given) && !Number.isNaN(given.getTime())) return given;
  throw new OptionError(option, given, 'a valid Date');
}

/** What needs no check, or is checked elsewhere. */
export function anyOption<T>(_option: string, given: unknown): T {
  return given as T;
}

/** The absolute path of a file. A relative one is resolved once, so that a later `chdir` changes nothing. */
export function pathOption(option: string, given: unknown): string {
  if (typeof given !== 'string' || given === '' || given.includes('\0')) {
    throw new OptionError(option, given, 'a text that is not empty and has no NUL');
  }
  try {
    // Not by `resolve`, for which the `..` of `link/..` is the folder of the link.
    return isAbsolute(given) ? given : `${process.cwd()}/${given}`;
  } catch (error) {
    // The working directory is gone.
    throw new OptionError(option, given, `an absolute path here (${messageOf(error)})`, error);
  }
}

/** Milliseconds from 0, which may be `Infinity`. */
export function millisecondsOption(option: string, given: unknown): number {
  if (typeof given === 'number' && given >= 0) return given;
  throw new OptionError(option, given, 'milliseconds from 0');
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most = Infinity): Check<number> {
  const allowed = `a whole number from ${least}${most === Infinity ? '' : ` to ${most}`}`;
  return (option, given) => {
    if (Number.isSafeInteger(given) && (given as number) >= least && (given as number) <= most) {
      return given as number;
    }
    throw new OptionError(option, given, allowed);
  };
}

/** One of some texts. */
export function oneOf<const T extends string>(values: readonly T[]): Check<T> {
  const quoted = values.map((value) => `'${value}'`);
  const allowed = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  return (option, given) => {
    if (values.includes(given as T)) return given as T;
    throw new OptionError(option, given, allowed);
  };
}

/** A list, of which each member is checked. */
export function listOf<T>(check: Check<T>, allowed: string): Check<readonly T[]> {
  return (option, given) => {
    if (!Array.isArray(given)) throw new OptionError(option, given, allowed);
    return given.map((member: unknown) => check(option, member));
  };
}

/** An object that has all of these methods, its own or inherited. */
export function objectWith<T extends object>(allowed: string, ...methods: readonly string[]): Check<T> {
  return (option, given) => {
    const isObject = (typeof given === 'object' && given !== null) || typeof given === 'function';
    if (isObject && methods.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')) {
      return given as T;
    }
    throw new OptionError(option, given, allowed);
  };
}

/** Checks a value that must have lists under these names. Throws `OptionError`. */
export function withLists<T extends object>(
  option: string,
  given: T,
  allowed: string,
  ...names: readonly (keyof T & string)[]
): T {
  const lists = Object(given) as T;
  if (names.every((name) => Array.isArray(lists[name]))) return lists;
  throw new OptionError(option, given, allowed);
}

/** Checks an option that must be a list. Throws `OptionError`. */
export function iterableOption<T>(option: string, given: Iterable<T>, expected: string): Iterable<T> {
  if (typeof given === 'object' && typeof given?.[Symbol.iterator] === 'function') return given;
  throw new OptionError(option, given, expected);
}
