import { types } from 'node:util';
import { isAlternatingName, isValueName, namesSecret } from './named-value.ts';
import type { Secrets } from './safe-copy.ts';
import { Date } from './timers.ts';

/** Members that are looked at here, and levels; what has more is not simple. */
const MEMBERS_MAX = 512;
const DEPTH_MAX = 8;

/** What the errors of JavaScript itself inherit from. */
export const ERROR_PROTOTYPES: ReadonlySet<unknown> = new Set(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError].map(
    ({ prototype }) => prototype as unknown,
  ),
);

/**
 * Whether a value is simple data of this realm without anything secret: plain objects, arrays, dates and errors that hold
 * but values. Reading it runs no code. Most values are; the others are looked through with more care.
 */
export function isHarmless(value: object, secrets: Secrets): boolean {
  return looked(value, secrets, { left: MEMBERS_MAX }, DEPTH_MAX);
}

function looked(value: object, secrets: Secrets, budget: { left: number }, depth: number): boolean {
  if (depth === 0 || types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isArray = prototype === Array.prototype && Array.isArray(value);
  if (isArray && value.length > budget.left) return false;
  const isError = !isArray && ERROR_PROTOTYPES.has(prototype);
  const isPlain = prototype === Object.prototype || prototype === null;
  if (!isArray && !isError && !isPlain) {
    return prototype === Date.prototype && types.isDate(value) && Reflect.ownKeys(value).length === 0;
  }
  if (isPlain && showsContent(value)) return false;
  const keys = Reflect.ownKeys(value);
  budget.left -= keys.length;
  // Of an array: its length, and nothing but items.
  if (budget.left < 0 || (isArray && keys.length !== value.length + 1)) return false;
  for (const key of keys) {
    // A text, and costly: V8 puts it together when it is asked for. Of an error as a field only its message is written.
    if (isError && key === 'stack') {
      if (depth === DEPTH_MAX || hasStackText(value)) continue;
      return false;
    }
    if (typeof key === 'symbol' || key.length > 256 || key === 'toJSON') return false;
    const descriptor = Reflect.getOwnPropertyDescriptor(value, key);
    if (descriptor === undefined || !('value' in descriptor)) return false;
    const member: unknown = descriptor.value;
    if (!isArray && typeof member !== 'boolean') {
      if (secrets.isSecret(key) || isAlternatingName(key)) return false;
      if (isValueName(key) && isNamedSecret(value, keys, secrets)) return false;
    }
    if (typeof member === 'function') return false;
    // An array in an array may be a name and a value.
    if (typeof member !== 'object' || member === null) continue;
    if (isArray && mayBePair(member)) return false;
    if (!looked(member, secrets, budget, depth - 1)) return false;
  }
  return true;
}

/** Whether a member says in its text that its neighbour is secret; a member that is none but data may. */
function isNamedSecret(value: object, keys: readonly PropertyKey[], secrets: Secrets): boolean {
  const names = keys.filter((key) => typeof key === 'string');
  return namesSecret(
    names,
    (i) => Reflect.getOwnPropertyDescriptor(value, names[i] as string)?.value as unknown,
    (text) => secrets.isSecret(text),
  );
}

function mayBePair(value: object): boolean {
  return !types.isProxy(value) && Array.isArray(value) && value.length === 2;
}

/** Whether an object shows more than its properties, though its prototype was taken away. */
function showsContent(value: object): boolean {
  const { isMap, isSet, isPromise, isMapIterator, isSetIterator } = types;
  return isMap(value) || isSet(value) || isPromise(value) || isMapIterator(value) || isSetIterator(value);
}

/** Whether the stack of an error is a text, as nobody else made it. */
export function hasStackText(error: object): boolean {
  const stack = read(error, 'stack');
  return typeof stack === 'string' || stack === undefined;
}

/** What stands for what a getter throws. */
export const THREW = '[threw]';

/** A property; what a getter throws is no failure. */
export function read(value: object, key: PropertyKey): unknown {
  try {
    return (value as Record<PropertyKey, unknown>)[key];
  } catch {
    return THREW;
  }
}
