import { types } from 'node:util';
import { Date } from './timers.ts';
import { read } from './harmless.ts';

/** What an object holds under one name, as it was read. */
export interface Member {
  /** A property, one that is inherited, an item of an array or a `Set`, an entry of a `Map`. */
  readonly kind: 'property' | 'inherited' | 'item' | 'entry';
  key: unknown;
  /** What decides whether it is secret. */
  readonly name: string;
  /** What was read, and what is passed on. */
  readonly given: unknown;
  value: unknown;
  readonly isEnumerable: boolean;
}

/** The getter of a property that classes and realms may not change. */
function getterOf(prototype: object, key: PropertyKey): () => unknown {
  return Reflect.getOwnPropertyDescriptor(prototype, key)?.get as () => unknown;
}

export const MAP_SIZE = getterOf(Map.prototype, 'size');
export const SET_SIZE = getterOf(Set.prototype, 'size');
const REGEXP_SOURCE = getterOf(RegExp.prototype, 'source') as () => string;
const REGEXP_FLAGS = getterOf(RegExp.prototype, 'flags') as () => string;
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const KIND = getterOf(TYPED_ARRAY, Symbol.toStringTag);
export const LENGTH = getterOf(TYPED_ARRAY, 'length');
const BUFFER = getterOf(TYPED_ARRAY, 'buffer');
const OFFSET = getterOf(TYPED_ARRAY, 'byteOffset');

/** An object with this prototype. */
export function as(copy: object, prototype: object | null): object {
  return Object.getPrototypeOf(copy) === prototype
    ? copy
    : (Object.setPrototypeOf(copy, prototype) as object);
}

/** An array of holes. */
export function emptyArray(length: number, prototype: object | null): object {
  const array: unknown[] = [];
  // Holes stay holes.
  array.length = length;
  return as(array, prototype);
}

/** A function of the same name that does nothing. */
export function functionLike(value: object): object {
  return Object.defineProperty(() => {}, 'name', { value: read(value, 'name') });
}

/** The same bytes seen by another object. */
export function viewOf(view: ArrayBufferView): object {
  const kind = KIND.call(view) as 'Uint8Array';
  return new globalThis[kind](
    BUFFER.call(view) as ArrayBuffer,
    OFFSET.call(view) as number,
    LENGTH.call(view) as number,
  );
}

/** How an object with content of its own is made anew. */
export function shellOf(value: object): (() => object) | undefined {
  if (types.isDate(value)) return () => new Date(Date.prototype.getTime.call(value));
  if (types.isRegExp(value)) return () => new RegExp(REGEXP_SOURCE.call(value), REGEXP_FLAGS.call(value));
  if (types.isNumberObject(value)) return () => Object(Number.prototype.valueOf.call(value)) as object;
  if (types.isBooleanObject(value)) return () => Object(Boolean.prototype.valueOf.call(value)) as object;
  if (types.isBigIntObject(value)) return () => Object(BigInt.prototype.valueOf.call(value)) as object;
  if (types.isSymbolObject(value)) return () => Object(Symbol.prototype.valueOf.call(value)) as object;
  return undefined;
}

/** Puts a member where it belongs. */
export function add(copy: object, { kind, isEnumerable }: Member, key: unknown, value: unknown): void {
  if (kind === 'entry') Map.prototype.set.call(copy, key, value);
  else if (kind === 'item' && types.isSet(copy)) Set.prototype.add.call(copy, value);
  else {
    const isPrinter = key === 'toJSON' && typeof value === 'function';
    Object.defineProperty(copy, key as PropertyKey, {
      value: isPrinter ? harmlessToJson(copy, value as () => unknown) : value,
      enumerable: isEnumerable,
      configurable: true,
      writable: true,
    });
  }
}

/** What has the name of the program's `toJSON`, and tells what the copy holds. */
function harmlessToJson(copy: object, given: () => unknown): () => unknown {
  const toJson = (): unknown => ({ ...copy, toJSON: undefined });
  return Object.defineProperty(toJson, 'name', { value: read(given, 'name') });
}

/** The name of a property or of a key of a `Map`. */
export function nameOf(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'symbol') return key.description ?? '';
  if (typeof key !== 'object' && typeof key !== 'function') return String(key);
  return key !== null && types.isStringObject(key) ? String.prototype.valueOf.call(key) : '';
}
