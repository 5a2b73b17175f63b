import { isDate } from 'node:util/types';
import { dateText, DEPTH_MAX, isError, isPlainObject } from './value.ts';

/** Members of one value that are read at most: what refers to the same arrays again and again would grow without end. */
const MEMBERS_MAX = 10_000;

/** What a walk makes of a value: JSON text, or plain objects. `T` is what it makes of one value. */
export interface ValueSink<T> {
  /** What stands for a member that throws when it is looked into. */
  readonly unreadable: string;
  /** Makes something of what is no object. */
  primitive(value: unknown): T;
  /** Makes something of a text of the walk's own, such as a date's or `[Circular]`. */
  text(text: string): T;
  /** Makes something of an Error, whose members are followed by `walk.members`. */
  error(error: Error, walk: ValueWalk<T>): T;
  /** Whether the members of an instance of a class are followed as those of a plain object are. */
  follows(instance: object): boolean;
  /** The text of an instance that is not followed. */
  instanceText(instance: object): string;
  array(items: T[]): T;
  /** Makes an object of its first members: there may be more names than values. */
  object(names: string[], values: T[]): T;
}

/**
 * Walks through an object and gives what it finds to `sink`. Follows arrays and plain objects, four levels deep and
 * for 10,000 members in all. Calls neither `toJSON` nor methods of instances; getters run once. Never throws.
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
  /** How many members may still be read. */
  #left = MEMBERS_MAX;

  constructor(sink: ValueSink<T>) {
    this.#sink = sink;
  }

  /** How many objects are around the current one. */
  get depth(): number {
    return this.#ancestors.length;
  }

  /** What the sink makes of any value. Throws what a hostile object throws. */
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

  /** What the sink makes of the members of `object`, which stand for `owner`. */
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
