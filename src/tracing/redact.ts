import { OptionError } from '../errors.ts';
import type { Fields } from './fields.ts';

/** What is redacted unless told otherwise. */
export const REDACTED_NAMES = ['password', 'passwd', 'secret', 'token', 'authorization'] as const;

/** What stands for a value that is not for anybody's eyes. */
const CENSOR = '[redacted]';
/** What stands for a value that could not be looked through. */
const UNREADABLE = '[unreadable]';
/** Nobody writes what lies deeper. */
const DEPTH_MAX = 8;
/** Objects that are looked through in one value; of one that has more nothing is passed on. */
const VISITS_MAX = 10_000;
const ITEMS_MAX = 100_000;
/** Names that are kept with whether they are secret. */
const KNOWN_MAX = 1024;

/** A way from a field to a value: `user.password`, where `*` is any one member. */
type Path = readonly string[];

/**
 * Puts `[redacted]` in place of secrets before any layer sees them. What the caller gave is never changed: of
 * whatever holds a secret a copy is passed on. Texts are never searched.
 */
export class Redactor {
  readonly #names: ReadonlySet<string>;
  readonly #paths: readonly Path[];
  /** How many parts the longest path has. */
  readonly #longest: number;
  /** The lengths of secret names, as bits by the last five of a length: most names need no look-up. */
  readonly #lengths: number;
  readonly #known = new Map<string, boolean>();

  /**
   * A path without a dot is a name at any depth, whatever its case; one with dots goes from a field on, `*` is
   * any member. Throws `OptionError`.
   */
  constructor(paths: readonly string[]) {
    const isList = Array.isArray(paths) && paths.every((path) => typeof path === 'string' && path !== '');
    if (!isList) throw new OptionError('redact', paths, 'a list of names and paths');
    const lower = paths.map((path) => path.toLowerCase());
    this.#names = new Set(lower.filter((path) => !path.includes('.')));
    // Changing the case of other letters may change the length.
    const isAscii = [...this.#names].every((name) => /^[\0-\x7f]*$/.test(name));
    this.#lengths = isAscii ? [...this.#names].reduce((bits, { length }) => bits | (1 << length), 0) : -1;
    this.#paths = lower.filter((path) => path.includes('.')).map((path) => path.split('.'));
    this.#longest = Math.max(0, ...this.#paths.map((path) => path.length));
  }

  /** Replaces secrets among the values of `fields`. */
  apply(fields: Fields): void {
    const { names, values } = fields;
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string;
      const value = values[i];
      if (this.#isSecretName(name)) values[i] = CENSOR;
      else if (typeof value === 'object' && value !== null) values[i] = this.#redacted(value, name);
    }
  }

  #isSecretName(name: string): boolean {
    if (((this.#lengths >>> name.length) & 1) === 0) return false;
    let isSecret = this.#known.get(name);
    if (isSecret === undefined) {
      isSecret = this.#names.has(name.toLowerCase());
      if (this.#known.size < KNOWN_MAX) this.#known.set(name, isSecret);
    }
    return isSecret;
  }

  #redacted(value: object, name: string): unknown {
    try {
      const path = [name.toLowerCase()];
      return this.#holdsSecret(value, path, new Set()) ? this.#copy(value, path, new Map()) : value;
    } catch {
      // A proxy whose traps throw, or more than anybody would read.
      return UNREADABLE;
    }
  }

  #isSecret(name: string, path: Path): boolean {
    if (this.#isSecretName(name)) return true;
    if (path.length >= this.#longest) return false;
    const full = [...path, name.toLowerCase()];
    return this.#paths.some(
      (secret) =>
        secret.length === full.length && secret.every((part, i) => part === '*' || part === full[i]),
    );
  }

  #holdsSecret(value: object, path: Path, seen: Set<object>, visits = { left: VISITS_MAX }): boolean {
    if (path.length > DEPTH_MAX || (seen.has(value) && path.length >= this.#longest)) return false;
    seen.add(value);
    if (visits.left-- <= 0) throw new RangeError('too many objects');
    return membersOf(value, path.length < this.#longest).some(
      ([name, member]) =>
        this.#isSecret(name, path) ||
        (isObject(member) && this.#holdsSecret(member, [...path, name.toLowerCase()], seen, visits)),
    );
  }

  /** A copy of what holds a secret; what in it holds none stays the very same. */
  #copy(value: object, path: Path, copies: Map<object, object>): object {
    const known = copies.get(value);
    if (known !== undefined) return known;
    const copy = emptyLike(value);
    copies.set(value, copy);
    for (const [name, member, enumerable] of membersOf(value, true)) {
      const inside = [...path, name.toLowerCase()];
      let kept = this.#isSecret(name, path) ? CENSOR : member;
      if (isObject(kept) && this.#holdsSecret(kept, inside, new Set()))
        kept = this.#copy(kept, inside, copies);
      if (copy instanceof Map) copy.set(name, kept);
      else if (copy instanceof Set) copy.add(kept);
      else Object.defineProperty(copy, name, { value: kept, enumerable, configurable: true, writable: true });
    }
    return copy;
  }
}

type Member = [name: string, value: unknown, isEnumerable: boolean];

/** What has a name in an object, an array, a `Map`, a `Set` or an Error; of arrays texts and numbers only if `all`. */
function membersOf(value: object, all: boolean): Member[] {
  if (ArrayBuffer.isView(value)) return [];
  if (itemsIn(value) > ITEMS_MAX) throw new RangeError('too many items');
  if (value instanceof Map) return [...value].map(([key, member]) => [String(key), member, true]);
  if (value instanceof Set || Array.isArray(value)) {
    const members = [...value].map((member, i): Member => [String(i), member, true]);
    return all ? members : members.filter(([, member]) => isObject(member));
  }
  const members: Member[] = [];
  for (const name of Object.getOwnPropertyNames(value)) {
    // A text, and costly: V8 puts it together when it is asked for.
    if (name === 'stack' && value instanceof Error) continue;
    const { enumerable = false } = Object.getOwnPropertyDescriptor(value, name) ?? {};
    members.push([name, read(value, name), enumerable]);
  }
  return members;
}

function read(value: object, name: string): unknown {
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return UNREADABLE;
  }
}

function itemsIn(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}

function emptyLike(value: object): object {
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (Array.isArray(value)) return [];
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
  if (value instanceof Error) Object.defineProperty(copy, 'stack', { value: read(value, 'stack') });
  return copy;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
