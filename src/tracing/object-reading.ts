import { Date } from './timers.ts';
import { inspect, types } from 'node:util';
import { isError as isErrorValue } from '../errors.ts';
import { ERROR_PROTOTYPES, hasStackText, read, THREW } from './harmless.ts';
import {
  add,
  type Member,
  nameOf,
  as,
  emptyArray,
  functionLike,
  LENGTH,
  MAP_SIZE,
  SET_SIZE,
  shellOf,
  viewOf,
} from './object-shell.ts';
import { readContent } from './content.ts';
import type { Budget, Secrets } from './safe-copy.ts';
import { isObject } from './value.ts';

/** An object that was read once. */
export interface ObjectReading {
  readonly members: readonly Member[];
  /** Whether the object itself must not be passed on. */
  readonly mustCopy: boolean;
  /** Whether reading it ran code of the program. */
  readonly ranCode: boolean;
  /** Whether it is data that a program changes: no Error, function or date. */
  readonly isChangeable: boolean;
  /** Properties that a copy has so that code of its class does not print it. */
  readonly shadows: readonly PropertyKey[];
  /** An empty object of the same kind. */
  shell(): object;
  /** Puts a member into a copy. */
  add(copy: object, member: Member, key: unknown, value: unknown): void;
  /** Called with the copy when it has all members. */
  finish?(copy: object): void;
}

/** Of an object with more items than this only the items are kept, because finding other properties takes too long. */
export const LISTED_MAX = 256;
/** What an Error is told by, wherever it has it from. */
const ERROR_KEYS = ['message', 'name', 'cause', 'errors', 'code'] as const;

/**
 * Reads an object of any kind and realm, or the text that is passed on in its place. Throws when the budget of members is
 * spent, and what a proxy throws.
 */
export function readObject(value: object, left: Budget, secrets: Secrets): ObjectReading | string {
  if (types.isProxy(value)) return new Reader(value, left, secrets).proxy();
  if (isOpaque(value)) return `[object ${types.isPromise(value) ? 'Promise' : 'Object'}]`;
  return new Reader(value, left, secrets).object();
}

/** What shows its content to `util.inspect` alone. */
function isOpaque(value: object): boolean {
  return (
    types.isPromise(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    value instanceof WeakRef
  );
}

/** Thrown where there is more than anybody would read. */
export class OverBudget extends Error {}

class Reader {
  readonly #value: object;
  readonly #left: Budget;
  readonly #secrets: Secrets;
  readonly #members: Member[] = [];
  readonly #shadows: PropertyKey[] = [];
  #mustCopy = false;
  #ranCode = false;

  constructor(value: object, left: Budget, secrets: Secrets) {
    this.#value = value;
    this.#left = left;
    this.#secrets = secrets;
  }

  object(): ObjectReading | string {
    const value = this.#value;
    const prototype = Object.getPrototypeOf(value) as object | null;
    const isArray = Array.isArray(value);
    const isPlain = prototype === null || prototype === Object.prototype;
    if (isArray && prototype === Array.prototype) return this.#array(value, prototype);
    const isError = !isPlain && !isArray && typeof value === 'object' && isErrorValue(value);
    const chain = isPlain ? NO_CHAIN : this.#chain(prototype, isError);
    if (!isPlain && !isArray) {
      const content = readContent(value, chain.tag, this.#secrets);
      if (typeof content === 'string') return content;
      if (content !== undefined) return this.#content(content);
    }
    const parent = chain.isHostile ? Object.prototype : prototype;
    if (isArray) return this.#array(value, parent);
    if (types.isMap(value)) return this.#map(value, parent);
    if (types.isSet(value)) return this.#set(value, parent);
    if (ArrayBuffer.isView(value) && !types.isDataView(value)) {
      return this.#sized(value, LENGTH.call(value) as number, () => as(viewOf(value), parent));
    }
    if (types.isStringObject(value)) {
      const text = String.prototype.valueOf.call(value);
      return this.#sized(value, text.length, () => as(Object(text) as object, parent));
    }
    this.#properties(Reflect.ownKeys(value), isError);
    if (isError) return this.#error(value, parent);
    // Not with the class that a class extends: its own members, and by `prototype` the class itself, are to be seen there.
    if (typeof value === 'function') return this.#done(() => functionLike(value), false);
    const known = shellOf(value);
    if (known !== undefined) return this.#done(() => as(known(), parent), false);
    return this.#done(() => Object.create(parent) as object);
  }

  /** A proxy is read through its traps once, and never passed on: what it shows changes, and `inspect` sees behind it. */
  proxy(): ObjectReading {
    const value = this.#value;
    this.#mustCopy = true;
    this.#ranCode = true;
    if (typeof value === 'function') return this.#done(() => () => {}, false);
    if (Array.isArray(value)) {
      const { length } = value;
      this.#spend(length);
      for (let i = 0; i < length; i++) if (i in value) this.#item(i, read(value, i));
      return this.#done(() => emptyArray(length, Array.prototype));
    }
    const isError = isErrorValue(value);
    const given = Reflect.getPrototypeOf(value);
    const chain = this.#chain(given, isError);
    const prototype = chain.isHostile ? Object.prototype : given;
    const keys = Reflect.ownKeys(value);
    this.#spend(keys.length);
    for (const key of keys) {
      if (key === inspect.custom || (isError && key === 'stack')) continue;
      const isEnumerable = Reflect.getOwnPropertyDescriptor(value, key)?.enumerable === true;
      this.#property(key, read(value, key), isEnumerable);
    }
    if (isError) return this.#error(value, prototype);
    return this.#done(() => Object.create(prototype) as object);
  }

  #array(array: readonly unknown[], prototype: object | null): ObjectReading {
    const { length } = array;
    this.#spend(length);
    if (length <= LISTED_MAX) {
      this.#properties(Reflect.ownKeys(array), false, true);
      return this.#done(() => emptyArray(length, prototype));
    }
    this.#mustCopy = true;
    const items = emptyArray(length, Array.prototype) as unknown[];
    for (let i = 0; i < length; i++) {
      const item = array[i];
      if (isObject(item)) this.#item(i, item);
      else if (item !== undefined || i in array) items[i] = item;
    }
    return this.#done(() => as(items, prototype));
  }

  #map(map: Map<unknown, unknown>, prototype: object | null): ObjectReading {
    // The methods of any realm's maps, whatever a subclass makes of them.
    this.#spend(MAP_SIZE.call(map) as number);
    Map.prototype.forEach.call(map, (given, key) => {
      this.#members.push({ kind: 'entry', key, name: nameOf(key), given, value: given, isEnumerable: true });
    });
    this.#properties(Reflect.ownKeys(map), false);
    return this.#done(() => as(new Map(), prototype));
  }

  #set(set: Set<unknown>, prototype: object | null): ObjectReading {
    this.#spend(SET_SIZE.call(set) as number);
    let index = 0;
    Set.prototype.forEach.call(set, (item) => this.#item(index++, item));
    this.#properties(Reflect.ownKeys(set), false);
    return this.#done(() => as(new Set(), prototype));
  }

  /** Bytes or characters, which are not searched, and other properties. */
  #sized(value: object, size: number, shell: () => object): ObjectReading {
    if (size > LISTED_MAX) this.#mustCopy = true;
    else {
      const isOther = (key: PropertyKey): boolean =>
        typeof key === 'symbol' || !(key === 'length' || /^\d+$/.test(String(key)));
      this.#properties(Reflect.ownKeys(value).filter(isOther), false);
    }
    return this.#done(shell, false);
  }

  #error(error: object, prototype: object | null): ObjectReading {
    return this.#done(() => {
      const copy = new Error();
      const stack = read(error, 'stack');
      Object.defineProperty(copy, 'stack', {
        // Node.js may put it together only now, and makes texts of a name and a message that are objects.
        value: typeof stack === 'string' && hasTextsOnly(error) ? stack : '',
        configurable: true,
        writable: true,
      });
      // Only now: V8 puts the stack together by what the prototype says.
      return as(copy, prototype);
    }, false);
  }

  /** What the content of an object that only its own code can tell was made into. */
  #content(content: readonly (readonly [name: string, value: unknown])[]): ObjectReading {
    this.#spend(content.length);
    this.#members.length = 0;
    this.#mustCopy = true;
    // A class of the program's may call itself so.
    this.#ranCode = true;
    for (const [name, value] of content) this.#property(name, value, true);
    return this.#done(() => ({}));
  }

  #properties(keys: readonly PropertyKey[], isError: boolean, isArray = false): void {
    this.#spend(keys.length);
    const value = this.#value;
    for (const key of keys) {
      if (isError && key === 'stack') {
        if (!hasStackText(value)) this.#mustCopy = true;
        continue;
      }
      if (isArray && key === 'length') continue;
      // A copy has its own, which can't be defined anew.
      if (key === 'lastIndex' && types.isRegExp(value)) continue;
      if (typeof value === 'function' && isUntold(value, key)) continue;
      const descriptor = Reflect.getOwnPropertyDescriptor(value, key);
      if (descriptor === undefined) continue;
      if (key === inspect.custom || (key === 'toJSON' && typeof descriptor.value === 'function')) {
        this.#mustCopy = true;
        if (key === inspect.custom) continue;
      }
      if ('value' in descriptor) {
        if (isArray && isIndex(key)) this.#item(Number(key), descriptor.value);
        else this.#property(key, descriptor.value, descriptor.enumerable === true);
      } else if (key === Symbol.toStringTag) {
        // Whoever inspects the object would run it.
        this.#mustCopy = true;
      } else if (descriptor.enumerable === true || (isError && isErrorKey(key))) {
        this.#getter(key, descriptor.enumerable === true, isError);
      }
    }
  }

  /** Asks a getter, once. An Error that can't tell what it is told by has none of it. */
  #getter(key: PropertyKey, isEnumerable: boolean, isError: boolean): void {
    this.#mustCopy = true;
    this.#ranCode = true;
    const told = read(this.#value, key);
    const isNone = told === THREW && isError && isErrorKey(key);
    this.#property(key, isNone ? null : told, isEnumerable);
  }

  #property(key: PropertyKey, given: unknown, isEnumerable: boolean): void {
    this.#members.push({ kind: 'property', key, name: nameOf(key), given, value: given, isEnumerable });
  }

  #item(key: number, given: unknown): void {
    this.#members.push({ kind: 'item', key, name: String(key), given, value: given, isEnumerable: true });
  }

  /** Looks through what an object inherits: data and getters that somebody may print, and code that prints. */
  #chain(prototype: object | null, isError: boolean): Chain {
    const chain: Chain = { tag: '', isHostile: false };
    const own = new Set<PropertyKey>();
    for (let at = prototype, depth = 0; at !== null && !isBase(at); at = Object.getPrototypeOf(at), depth++) {
      // What lies behind a proxy changes, and who walks it runs the program's code.
      if (types.isProxy(at) || ArrayBuffer.isView(at) || depth > CHAIN_MAX) {
        this.#mustCopy = true;
        return { ...chain, isHostile: true };
      }
      if (chain.tag === '') chain.tag = tagOf(at);
      this.#printers(at);
      const keys = Reflect.ownKeys(at);
      this.#spend(keys.length);
      for (const key of keys) {
        if (
          key === 'stack' ||
          own.has(key) ||
          Reflect.getOwnPropertyDescriptor(this.#value, key) !== undefined
        )
          continue;
        const descriptor = Reflect.getOwnPropertyDescriptor(at, key);
        if (descriptor === undefined) continue;
        own.add(key);
        this.#inherited(key, descriptor, isError);
      }
    }
    return chain;
  }

  #inherited(key: PropertyKey, descriptor: PropertyDescriptor, isError: boolean): void {
    const { enumerable: isEnumerable = false } = descriptor;
    if ('value' in descriptor) {
      const given: unknown = descriptor.value;
      if (typeof given === 'function' || key === Symbol.toStringTag) return;
      const name = nameOf(key);
      this.#members.push({ kind: 'inherited', key, name, given, value: given, isEnumerable });
    } else if (isError && (isEnumerable || isErrorKey(key))) {
      this.#getter(key, isEnumerable, isError);
    } else if (isEnumerable && this.#secrets.isSecret(nameOf(key))) {
      // Other getters are not asked: nobody prints them, and they may do something. A secret is copied in any case.
      this.#property(key, '', false);
    }
  }

  /** A class may print what nobody can look through. */
  #printers(prototype: object): void {
    for (const key of ['toJSON', inspect.custom]) {
      if (this.#shadows.includes(key)) continue;
      const descriptor = Reflect.getOwnPropertyDescriptor(prototype, key);
      if (descriptor === undefined || isBuiltIn(prototype, key, descriptor.value)) continue;
      this.#shadows.push(key);
      this.#mustCopy = true;
    }
  }

  #spend(members: number): void {
    if (members > this.#left.members) throw new OverBudget('too many members');
    this.#left.members -= members;
  }

  #done(shell: () => object, isChangeable = true): ObjectReading {
    return {
      members: this.#members,
      mustCopy: this.#mustCopy,
      ranCode: this.#ranCode,
      isChangeable,
      shadows: this.#shadows,
      shell,
      add,
    };
  }
}

interface Chain {
  tag: string;
  /** Whether it can't be inherited from safely. */
  isHostile: boolean;
}

const NO_CHAIN: Chain = { tag: '', isHostile: false };
const BASES: ReadonlySet<unknown> = new Set([
  ...ERROR_PROTOTYPES,
  ...[Object, Array, Map, Set, Date, Function, RegExp].map(({ prototype }) => prototype as unknown),
]);
/** Nobody has so many classes above each other. */
const CHAIN_MAX = 64;

function isErrorKey(key: PropertyKey): boolean {
  return (ERROR_KEYS as readonly PropertyKey[]).includes(key);
}

function isIndex(key: PropertyKey): boolean {
  return typeof key === 'string' && /^(?:0|[1-9]\d*)$/.test(key);
}

/** Own properties that every function has, and a class's prototype that holds nothing. */
function isUntold(fn: object, key: PropertyKey): boolean {
  if (key === 'prototype') {
    const prototype = Reflect.getOwnPropertyDescriptor(fn, key)?.value as unknown;
    return typeof prototype === 'object' && prototype !== null && Object.keys(prototype).length === 0;
  }
  return key === 'length' || key === 'name' || key === 'arguments' || key === 'caller';
}

/** What everything inherits from: nothing more is looked for behind it. */
function isBase(prototype: object): boolean {
  return BASES.has(prototype);
}

/** What `Object.prototype.toString` calls the instances of a class of the platform. */
function tagOf(prototype: object): string {
  const tag: unknown = Reflect.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.value;
  return typeof tag === 'string' ? tag : '';
}

/** Whether a method that prints is one of JavaScript itself or of `Buffer`. */
function isBuiltIn(prototype: object, key: PropertyKey, method: unknown): boolean {
  if (prototype === Buffer.prototype) return true;
  if (typeof method !== 'function') return false;
  return Function.prototype.toString.call(method) === `function ${String(key)}() { [native code] }`;
}

/** Whether the name and the message of an error are no objects. */
function hasTextsOnly(error: object): boolean {
  return typeof read(error, 'message') === 'string' && !isObject(read(error, 'name'));
}
