import { types } from 'node:util';
import { OptionError } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { Fields } from './fields.ts';

/** What is redacted by default. */
export const REDACTED_NAMES = ['password', 'passwd', 'secret', 'token', 'authorization'] as const;

/** What stands in place of a secret. */
export const CENSOR = '[redacted]';
/** What stands in place of a value that could not be searched. */
const UNREADABLE = '[unreadable]';
/** No layer writes what lies deeper: causes of errors are written 16 deep, anything else less. */
const DEPTH_MAX = 20;
/** How many objects and items of one value are searched. A value with more is not passed on at all. */
const VISITS_MAX = 10_000;
const ITEMS_MAX = 100_000;

/** A path from a field to a value, `user.password`; `*` is any one member. */
type Path = readonly string[];

/**
 * Puts `[redacted]` in place of secrets before layers see them. The program's objects are never changed: layers get a
 * copy of an object that holds a secret. Texts are not searched.
 */
export class Redactor {
  readonly #names: ReadonlySet<string>;
  readonly #paths: readonly Path[];
  /** The number of parts of the longest path. */
  readonly #longest: number;
  /** The lengths of secret names, as the bits of a number (a length modulo 32): most names need no look-up. */
  readonly #lengths: number;
  /** Whether a name is secret. */
  readonly #known = new BoundedCache<boolean>();

  /**
   * A path without a dot is a name at any depth, in any case. A path with dots starts at a field; `*` is any member.
   * Throws `OptionError`.
   */
  constructor(paths: readonly string[]) {
    const isList =
      Array.isArray(paths) &&
      paths.every((path) => typeof path === 'string' && path.split('.').every((part) => part !== ''));
    if (!isList) throw new OptionError('redact', paths, 'a list of names and paths');
    const lower = paths.map((path) => path.toLowerCase());
    // A path with dots may also be the name of one field: `http.request.header.authorization`.
    this.#names = new Set(lower);
    // Outside of ASCII lower case may have another length.
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

  /** A value without a name, without the secrets in it. */
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
      // A proxy whose traps throw, or a value with too many objects.
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

  /** Whether an object holds a secret. `seen` has the least depth at which each object was searched. */
  #holdsSecret(value: object, path: Path, seen: Map<object, number>, visits = { left: VISITS_MAX }): boolean {
    // `util.inspect` shows more of these than can be searched here: layers get a copy.
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

  /** A copy of an object that holds a secret. Members that hold none are not copied. */
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

/** The program's object that a copy was made of, else the value itself. Two copies of one error are recognised by it. */
export function unredacted<T extends object>(value: T): T {
  return (ORIGINALS.get(value) as T | undefined) ?? value;
}

interface Member {
  name: string;
  key: unknown;
  member: unknown;
  /** Whether a property is enumerable; `undefined` for an item of a collection. */
  enumerable?: boolean | undefined;
}

/** The members of an object: properties, and the items of an array, a `Map` or a `Set`. Items that are no objects are left out unless `all`. */
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
    // A text, which V8 formats only when it is read.
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

/** Whether only `util.inspect` sees what an object holds. */
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
  // On some errors of the platform these are getters that need the original object.
  for (const name of ['stack', 'message', 'name']) {
    Object.defineProperty(copy, name, { value: read(value, name), configurable: true, writable: true });
  }
  return copy;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
