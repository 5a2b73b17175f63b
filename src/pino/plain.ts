import { Duration } from '../format/value-text.ts';
import {
  cutText,
  dateText,
  DEPTH_MAX,
  errorMessage,
  inspectLine,
  isError,
  isPlain,
} from '../tracing/value.ts';
import { Date } from '../tracing/timers.ts';

/** Makes of an Error what stands for it in JSON. */
export type ErrorSerializer = (error: Error) => unknown;

/** Members of one value; what refers to the same arrays again and again would grow without end. */
const MEMBERS_MAX = 10_000;
/** Errors inside of errors are followed so far. */
const ERRORS_MAX = 16;

/** A value that is followed: what is around it, and how much more may be kept. */
interface Walk {
  readonly ancestors: object[];
  left: number;
  readonly serializeError: ErrorSerializer;
  /** What the serializer's objects inherit from. */
  serialized?: unknown;
}

/** A value as JSON has it: reading it again runs no code of the program's and never fails. */
export function plain(value: unknown, serializeError: ErrorSerializer): unknown {
  switch (typeof value) {
    case 'string':
      return cutText(value);
    case 'number':
      return numberOf(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? null : nested(value, { ancestors: [], left: MEMBERS_MAX, serializeError });
    default:
      return inspectLine(value);
  }
}

/** JSON has no infinities. */
function numberOf(value: number): number | string {
  if (Number.isFinite(value)) return value;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'inf' : '-inf';
}

function nested(value: unknown, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) return plain(value, walk.serializeError);
  const depth = walk.ancestors.length;
  try {
    return objectOf(value, walk);
  } catch {
    walk.ancestors.length = depth;
    return '[unreadable]';
  }
}

function objectOf(value: object, walk: Walk): unknown {
  if (walk.ancestors.includes(value)) return '[Circular]';
  if (isError(value)) return errorOf(value, walk);
  if (value instanceof Date) return dateText(value);
  if (value instanceof Duration) return value.toString();
  const isArray = Array.isArray(value);
  if (!isArray && !isPlain(value) && Object.getPrototypeOf(value) !== walk.serialized)
    return inspectLine(value);
  if (walk.ancestors.length > DEPTH_MAX) return isArray ? '[Array]' : '[Object]';
  walk.ancestors.push(value);
  const copy = isArray ? arrayOf(value, walk) : membersOf(value, walk);
  walk.ancestors.pop();
  return copy;
}

function errorOf(error: Error, walk: Walk): unknown {
  if (walk.ancestors.length > ERRORS_MAX) return '[Error]';
  let serialized: unknown;
  try {
    serialized = walk.serializeError(error);
  } catch {
    // Frozen, or with a getter that throws.
    return { type: 'Error', message: errorMessage(error) };
  }
  if (typeof serialized !== 'object' || serialized === null) return nested(serialized, walk);
  if (!isPlain(serialized)) walk.serialized = Object.getPrototypeOf(serialized);
  walk.ancestors.push(error);
  const copy = membersOf(serialized, walk);
  walk.ancestors.pop();
  return copy;
}

function arrayOf(array: readonly unknown[], walk: Walk): unknown[] {
  const copy: unknown[] = [];
  for (let i = 0; i < array.length; i++) {
    if (walk.left-- <= 0) {
      copy.push(`[+${array.length - i} items]`);
      break;
    }
    copy.push(nested(read(array, i), walk));
  }
  return copy;
}

function membersOf(object: object, walk: Walk): object {
  const copy = {};
  for (const name of Object.keys(object)) {
    if (walk.left-- <= 0) break;
    setOwn(copy, name.toWellFormed(), nested(read(object, name), walk));
  }
  return copy;
}

function read(object: object, name: string | number): unknown {
  try {
    return (object as Record<string | number, unknown>)[name];
  } catch {
    return '[threw]';
  }
}

/** Sets a property whatever it is called. */
export function setOwn(object: object, name: string, value: unknown): void {
  if (name !== '__proto__') (object as Record<string, unknown>)[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
