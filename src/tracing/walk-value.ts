import { isError } from '../errors.ts';
import { isDate } from 'node:util/types';
import { dateText, DEPTH_MAX, isPlainObject } from './value.ts';
import { Date } from './timers.ts';

/** How many members of one value are read: arrays that refer to one another would make endless text. */
const MEMBERS_MAX = 10_000;
/** How many UTF-16 units all texts inside of one value may have: a value can refer to one long text many times. */
export const CHARACTERS_MAX = 1024 * 1024;

/** Makes something of the parts of a value: JSON text, or a copy. `T` is what it makes of one part. */
export interface ValueSink<T> {
  /** The text for a member whose inside throws when it is read. */
  readonly unreadable: string;
  /** Called with a value that is no object. */
  primitive(value: unknown): T;
  /** Called with a text that the walk made, such as a date or `[Circular]`. */
  text(text: string): T;
  /** Called with an Error. `walk.members` follows members of it. */
  error(error: Error, walk: ValueWalk<T>): T;
  /** Whether the members of an instance of a class are followed, as those of a plain object are. */
  follows(instance: object): boolean;
  /** The text of an instance that is not followed. */
  instanceText(instance: object): string;
  /** Called with the items of an array. */
  array(items: T[]): T;
  /** Called with the members of an object. There may be more names than values: the others have no room. */
  object(names: string[], values: T[]): T;
}

/**
 * Walks through an object and passes its parts to `sink`, whose result it returns. Arrays and plain objects are
 * followed, four levels deep and up to 10,000 members in all. Runs getters once, and no other code of the program.
 * Never throws.
 */
export function walkValue<T>(value: object, sink: ValueSink<T>): T {
  try {
    return new ValueWalk(sink).value(value);
  } catch {
    return sink.text('[unreadable]');
  }
}

/** A walk through one value. */
export class ValueWalk<T> {
  readonly #sink: ValueSink<T>;
  /** The objects around the current one. */
  readonly #ancestors: object[] = [];
  /** The number of members that may still be read. */
  #left = MEMBERS_MAX;

  constructor(sink: ValueSink<T>) {
    this.#sink = sink;
  }

  /** The number of objects around the current one. */
  get depth(): number {
    return this.#ancestors.length;
  }

  /** What the sink makes of a value. Throws what a proxy or a getter throws. */
  value(value: unknown): T {
    const sink = this.#sink;
    if (typeof value !== 'object' || value === null) return sink.primitive(value);
    if (this.#ancestors.includes(value)) return sink.text('[Circular]');
    if (isError(value)) return sink.error(value, this);
    if (isDate(value) || value instanceof Date) return sink.text(dateText(value));
    const isArray = Array.isArray(value);
    if (!isArray && !isPlainObject(value) && !sink.follows(value)) return sink.text(sink.instanceText(value));
    if (this.depth > DEPTH_MAX) return sink.text(isArray ? '[Array]' : '[Object]');
    return isArray ? this.#items(value) : this.members(value, value);
  }

  /** What the sink makes of the members of `object`, which is written in place of `owner`. */
  members(owner: object, object: object): T {
    this.#ancestors.push(owner);
    const names = Object.keys(object);
    const values: T[] = [];
    for (let i = 0; i < names.length; i++) {
      if (this.#left-- <= 0) break;
      values.push(this.#member(object, names[i] as string));
    }
    this.#ancestors.pop();
    return this.#sink.object(names, values);
  }

  #items(array: readonly unknown[]): T {
    this.#ancestors.push(array);
    const items: T[] = [];
    for (let i = 0; i < array.length; i++) {
      if (this.#left-- <= 0) {
        items.push(this.#sink.text(`[+${array.length - i} items]`));
        break;
      }
      items.push(this.#member(array, i));
    }
    this.#ancestors.pop();
    return this.#sink.array(items);
  }

  #member(object: object, key: string | number): T {
    let member: unknown;
    try {
      member = (object as Record<string | number, unknown>)[key];
    } catch {
      return this.#sink.text('[threw]');
    }
    const { depth } = this;
    try {
      return this.value(member);
    } catch {
      this.#ancestors.length = depth;
      return this.#sink.text(this.#sink.unreadable);
    }
  }
}
