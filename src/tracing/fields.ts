import { isPromise } from 'node:util/types';
import { isError } from '../errors.ts';
import { errorMessage } from './value.ts';

/** Any object but a function: the type `object` alone would accept functions with any parameters and result. */
export type FieldsObject = Record<string, unknown> | (object & { readonly [Symbol.hasInstance]?: never });

/** Fields as a caller gives them: named values, an Error, or a function that returns them and runs only if a layer wants them. */
export type FieldsInput = FieldsObject | (() => FieldsObject | undefined);

/** The most fields of an event or a span. */
const FIELDS_MAX = 1000;

/** The name of the field that says something of all fields. */
const OTHERS = 'fields';

/** Names and values where there are none: most spans and events have no fields, and need no memory for them. */
const NONE = Object.freeze([]) as unknown as never[];

/**
 * Named values in their order. They are read once from the caller's object; of a getter that throws the value says so.
 *
 * @example
 * ```ts
 * class Users extends BaseLayer {
 *   readonly name = 'Users';
 *   onEvent({ fields }: Event): void {
 *     console.log(fields.get('user'), fields.toObject());
 *   }
 * }
 * ```
 */
export class Fields {
  readonly names: string[];
  readonly values: unknown[];
  /** How many fields were left out. */
  #left = 0;
  readonly #most: number;

  /** With room for `most` fields; more are left out, and the field `fields` says how many. Default 1,000. */
  constructor(names: string[] = NONE, values: unknown[] = NONE, most = FIELDS_MAX) {
    this.names = names;
    this.values = values;
    this.#most = most;
  }

  /** All fields of an object, however many they are: for a report, which names each one that has no room in it. */
  static all(input: object | undefined): Fields {
    return Fields.of(input, Infinity);
  }

  static of(input: object | undefined, most = FIELDS_MAX): Fields {
    if (input === undefined || input === null) return new Fields(NONE, NONE, most);
    try {
      if (isError(input)) return new Fields(['error'], [input], most);
      const names = Object.keys(input);
      const left = names.length - most;
      if (left > 0) names.length = most;
      // Made of its size at once: an array that grows costs as much as all the rest.
      const values = names.map((name) => read(input, name));
      const fields = new Fields(names, values, most);
      if (left > 0) fields.#leaveOut(left);
      return fields;
    } catch (thrown) {
      // A revoked proxy, or one whose traps throw.
      return new Fields([OTHERS], [`[unreadable: ${errorMessage(thrown)}]`]);
    }
  }

  get(name: string): unknown {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.values[index];
  }

  set(name: string, value: unknown): void {
    const index = this.names.indexOf(name);
    if (index >= 0) this.values[index] = value;
    else if (this.names.length >= this.#most) this.#leaveOut(1);
    else {
      if (this.names === NONE) Object.assign(this, { names: [], values: [] });
      this.names.push(name);
      this.values.push(value);
    }
  }

  #leaveOut(count: number): void {
    this.#left += count;
    const index = this.names.indexOf(OTHERS);
    if (index < 0) this.names.push(OTHERS);
    this.values[index < 0 ? this.names.length - 1 : index] = `[+${this.#left} fields]`;
  }

  /** Takes a field out and returns its value. */
  take(name: string): unknown {
    const index = this.names.indexOf(name);
    if (index < 0) return undefined;
    this.names.splice(index, 1);
    return this.values.splice(index, 1)[0];
  }

  /** Gives a field another name, or one with more underscores where there is a field of that name. @internal */
  rename(name: string, to: string): void {
    const index = this.names.indexOf(name);
    if (index < 0) return;
    let free = to;
    while (this.names.includes(free)) free += '_';
    this.names[index] = free;
  }

  /** Adds fields; a field of the same name gets the new value. */
  merge(other: Fields): void {
    for (let i = 0; i < other.names.length; i++) this.set(other.names[i] as string, other.values[i]);
  }

  /** The fields as an object without a prototype, where names such as `__proto__` have no special meaning. */
  toObject(): Record<string, unknown> {
    const object = Object.create(null) as Record<string, unknown>;
    for (let i = 0; i < this.names.length; i++) object[this.names[i] as string] = this.values[i];
    return object;
  }
}

/** The fields of a target with the given fields, which replace those of the same name. */
export function mergeFields(own: Fields | undefined, given: Fields): Fields {
  if (own === undefined) return given;
  const all = new Fields([...own.names], [...own.values]);
  all.merge(given);
  return all;
}

/** The fields that a caller gave. Calls the input if it is a function. */
export function evaluate(input: FieldsInput | undefined): Fields {
  return Fields.of(resolveLazy(input));
}

/** The input, or what it returns if it is a function. What it throws becomes a field, and so does a promise. */
export function resolveLazy<T>(input: T): T | object | undefined {
  if (typeof input !== 'function') return input;
  try {
    const fields = (input as () => object | undefined)();
    if (!isPromise(fields)) return fields;
    fields.catch(() => {});
    return { fields: '[a promise: fields are needed at once]' };
  } catch (thrown) {
    return { fields: `[threw: ${errorMessage(thrown)}]` };
  }
}

/** The names of the fields, without reading values. A function has none, because it is not called. */
export function fieldNamesOf(input: object | undefined): readonly string[] {
  if (typeof input !== 'object' || input === null) return [];
  try {
    return isError(input) ? ['error'] : Object.keys(input).slice(0, FIELDS_MAX);
  } catch {
    return [OTHERS];
  }
}

function read(input: object, name: string): unknown {
  try {
    return (input as Record<string, unknown>)[name];
  } catch (thrown) {
    return `[threw: ${errorMessage(thrown)}]`;
  }
}
