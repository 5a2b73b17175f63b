import { Duration, Unquoted } from '../format/value-text.ts';
import { cutText, errorMessage, inspectLine, isPlainObject } from '../tracing/value.ts';
import { CHARACTERS_MAX, type ValueSink, type ValueWalk, walkValue } from '../tracing/walk-value.ts';

/** Makes the object that is written in place of an Error, as pino's serializer of `err` does. */
export type ErrorSerializer = (error: Error) => unknown;

/** How deep errors inside of errors are followed. */
const ERRORS_MAX = 16;

/** A copy of a value as JSON has it: reading the copy runs no code of the program and never fails. */
export function plain(value: unknown, serializeError: ErrorSerializer): unknown {
  return typeof value === 'object' && value !== null
    ? walkValue(value, new PlainSink(serializeError))
    : plainPrimitive(value);
}

function plainPrimitive(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return cutText(value);
    case 'number':
      return plainNumber(value);
    case 'bigint':
      return String(value);
    case 'symbol':
    case 'function':
      return inspectLine(value);
    default:
      return value;
  }
}

/** JSON has neither infinities nor NaN. */
function plainNumber(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
}

/** Copies a value. Unlike in the pool, an error is the object that the serializer makes of it. */
class PlainSink implements ValueSink<unknown> {
  readonly unreadable = '[unreadable]';
  readonly #serializeError: ErrorSerializer;
  /** The prototype of the objects that the serializer makes. */
  #serialized: unknown;
  #left = CHARACTERS_MAX;

  constructor(serializeError: ErrorSerializer) {
    this.#serializeError = serializeError;
  }

  primitive(value: unknown): unknown {
    if (typeof value === 'string') {
      if (this.#left <= 0) return `[+${value.length} characters]`;
      this.#left -= value.length;
    }
    return plainPrimitive(value);
  }

  text(text: string): string {
    return text;
  }

  error(error: Error, walk: ValueWalk<unknown>): unknown {
    if (walk.depth > ERRORS_MAX) return '[Error]';
    let serialized: unknown;
    try {
      serialized = this.#serializeError(error);
    } catch {
      // The serializer of pino throws for an error that is frozen or has a getter that throws.
      return { type: 'Error', message: errorMessage(error) };
    }
    if (typeof serialized !== 'object' || serialized === null) return plainPrimitive(serialized);
    // Some programs put an object there, which nobody has looked through.
    const { stack } = serialized as { stack?: unknown };
    if (typeof stack === 'object' && stack !== null) setOwn(serialized, 'stack', undefined);
    if (!isPlainObject(serialized)) this.#serialized = Object.getPrototypeOf(serialized);
    return walk.members(error, serialized);
  }

  follows(instance: object): boolean {
    return Object.getPrototypeOf(instance) === this.#serialized;
  }

  instanceText(instance: object): string {
    return instance instanceof Duration || instance instanceof Unquoted
      ? instance.toString()
      : inspectLine(instance);
  }

  array(items: unknown[]): unknown[] {
    return items;
  }

  object(names: string[], values: unknown[]): object {
    const copy = {};
    for (let i = 0; i < values.length; i++) setOwn(copy, (names[i] as string).toWellFormed(), values[i]);
    return copy;
  }
}

/** Sets a property of the object itself, whatever its name is. */
export function setOwn(object: object, name: string, value: unknown): void {
  if (name !== '__proto__') (object as Record<string, unknown>)[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
