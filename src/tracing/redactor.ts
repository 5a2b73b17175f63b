import { types } from 'node:util';
import { OptionError } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Fields } from './fields.ts';

/** What is redacted unless told otherwise. */
export const REDACTED_NAMES = ['password', 'passwd', 'secret', 'token', 'authorization'] as const;

/** What stands for a value that is not for anybody's eyes. */
export const CENSOR = '[redacted]';
/** What stands for a value that could not be looked through. */
const UNREADABLE = '[unreadable]';
/** Nobody writes what lies deeper: of causes of errors it is 16. */
const DEPTH_MAX = 20;
/** Objects that are looked through in one value; of one that has more nothing is passed on. */
const VISITS_MAX = 10_000;
const ITEMS_MAX = 100_000;

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
  /** Whether a name is secret. */
  readonly #known = new BoundedCache<boolean>();

  /**
   * A path without a dot is a name at any depth, whatever its case; one with dots goes from a field on, `*` is
   * any member. Throws `OptionError`.
   */
  constructor(paths: readonly string[]) {
    const isList =
      Array.isArray(paths) &&
      paths.every((path) => typeof path === 'string' && path.split('.').every((part) => part !== ''));
    if (!isList) throw new OptionError('redact', paths, 'a list of names and paths');
    const lower = paths.map((path) => path.toLowerCase());
    // A name with dots may also be that of a field: `http.request.header.authorization`.
    this.#names = new Set(lower);
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
      else if (isObject(value)) values[i] = this.#redacted(value, [name.toLowerCase()]);
    }
  }

  /** The same for a value without a name. */
  redacted(value: unknown): unknown {
    return isObject(value) ? this.#redacted(value, ['']) : value;
  }

  #isSecretName(name: string): boolean {
    if (((this.#lengths >>> name.length) & 1) === 0) return false;
    return this.#known.get(name) ?? this.#known.add(name, (own) => this.#names.has(own.toLowerCase()));
  }

  #redacted(value: object, path: Path): unknown {
    try {
      if (!this.#holdsSecret(value, path, new Map())) return value;
      return this.#copy(value, path, new Map());
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

  /** `seen` has the least depth at which an object was looked through. */
  #holdsSecret(value: object, path: Path, seen: Map<object, number>, visits = { left: VISITS_MAX }): boolean {
    // What can only be seen by inspecting it: it is passed on as what it shows by itself, or as its tag.
    if (types.isProxy(value) || isOpaque(value)) return true;
    const depth = path.length;
    if (depth > DEPTH_MAX || ((seen.get(value) ?? Infinity) <= depth && depth >= this.#longest)) return false;
    seen.set(value, depth);
    if (visits.left-- <= 0) throw new RangeError('too many objects');
    return membersOf(value, depth < this.#longest).some(
      ({ name, key, member }) =>
        this.#isSecret(name, path) ||
        (isObject(key) && this.#holdsSecret(key, [...path, ''], seen, visits)) ||
        (isObject(member) && this.#holdsSecret(member, [...path, name.toLowerCase()], seen, visits)),
    );
  }

  /** A copy of what holds a secret; what in it holds none stays the very same. */
  #copy(value: object, path: Path, copies: Map<object, Map<string, object>>): unknown {
    if (isOpaque(value)) return Object.prototype.toString.call(value);
    const place = path.length < this.#longest ? path.join('.') : '';
    const known = copies.get(value)?.get(place);
    if (known !== undefined) return known;
    const copy = emptyLike(value);
    ORIGINALS.set(copy, value);
    copies.set(value, (copies.get(value) ?? new Map<string, object>()).set(place, copy));
    const inside = (member: unknown, name: string): unknown => {
      const deeper = [...path, name.toLowerCase()];
      if (!isObject(member) || !this.#holdsSecret(member, deeper, new Map())) return member;
      return this.#copy(member, deeper, copies);
    };
    for (const { name, key, member, enumerable } of membersOf(value, true)) {
      const kept = this.#isSecret(name, path) ? CENSOR : inside(member, name);
      if (enumerable === undefined && copy instanceof Map) copy.set(inside(key, ''), kept);
      else if (enumerable === undefined && copy instanceof Set) copy.add(kept);
      else {
        const descriptor = {
          value: kept,
          enumerable: enumerable ?? true,
          configurable: true,
          writable: true,
        };
        Object.defineProperty(copy, key as PropertyKey, descriptor);
      }
    }
    return copy;
  }
}

const ORIGINALS = new WeakMap<object, object>();

/** What a value was before secrets in it were replaced: the same thing, told twice, is known by it. */
export function unredacted<T extends object>(value: T): T {
  return (ORIGINALS.get(value) as T | undefined) ?? value;
}

interface Member {
  name: string;
  key: unknown;
  member: unknown;
  /** Of a property; an item of a collection has none. */
  enumerable?: boolean | undefined;
}

/** What is in an object, an array, a `Map`, a `Set`, an Error or a function; of arrays texts and numbers only if `all`. */
function membersOf(value: object, all: boolean): Member[] {
  if (ArrayBuffer.isView(value) || types.isBoxedPrimitive(value)) return [];
  if (itemsIn(value) > ITEMS_MAX) throw new RangeError('too many items');
  const members: Member[] = [];
  if (value instanceof Map) {
    for (const [key, member] of value) members.push({ name: isObject(key) ? '' : String(key), key, member });
  } else if (value instanceof Set || Array.isArray(value)) {
    let index = 0;
    for (const member of value) {
      if (all || isObject(member)) members.push({ name: String(index), key: index, member });
      index++;
    }
  }
  const keys = Reflect.ownKeys(value);
  if (keys.length > ITEMS_MAX) throw new RangeError('too many members');
  for (const key of keys) {
    // A text, and costly: V8 puts it together when it is asked for.
    if (key === 'stack' && value instanceof Error) continue;
    if (Array.isArray(value) && typeof key === 'string' && (key === 'length' || /^\d+$/.test(key))) continue;
    const { enumerable = false } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    const name = typeof key === 'symbol' ? (key.description ?? '') : key;
    members.push({ name, key, member: read(value, key), enumerable });
  }
  return members;
}

function read(value: object, key: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[key];
  } catch {
    return UNREADABLE;
  }
}

function itemsIn(value: object): number {
  if (Array.isArray(value)) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 0;
}

/** What shows its content to `util.inspect` alone. */
function isOpaque(value: object): boolean {
  return types.isPromise(value) || types.isMapIterator(value) || types.isSetIterator(value);
}

function emptyLike(value: object): object {
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (Array.isArray(value)) return [];
  if (typeof value === 'function')
    return Object.defineProperty(() => {}, 'name', { value: read(value, 'name') });
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
  if (!(value instanceof Error)) return copy;
  // Some errors of the platform have them only on the real thing.
  for (const name of ['stack', 'message', 'name']) {
    Object.defineProperty(copy, name, { value: read(value, name), configurable: true, writable: true });
  }
  return copy;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
