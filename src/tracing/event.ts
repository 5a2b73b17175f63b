import { isError } from '../errors.ts';
import { Fields, fieldNamesOf, resolveLazy } from './fields.ts';
import type { Level } from './level.ts';
import type { Metadata } from './metadata.ts';
import type { Span } from './span.ts';
import { errorMessage, inspectLine } from './value.ts';

/** Something that happened at one moment. */
export class Event {
  readonly metadata: Metadata;
  readonly message: string | undefined;
  /** All fields but the message. */
  readonly fields: Fields;
  /** The span that it happened in. */
  readonly parent: Span | undefined;

  /** @internal */
  constructor(metadata: Metadata, message: string | undefined, fields: Fields, parent: Span | undefined) {
    this.metadata = metadata;
    this.message = message;
    this.fields = fields;
    this.parent = parent;
  }

  get level(): Level {
    return this.metadata.level;
  }

  get target(): string {
    return this.metadata.target;
  }
}

/** The message and the fields of the arguments of a call. */
export function readEvent(input: unknown, message: unknown): { message: string | undefined; fields: Fields } {
  if (typeof input === 'string' && message === undefined) return { message: input, fields: new Fields() };
  const given = resolveLazy(input);
  if (isTurned(given, message)) return readEvent(message, given);
  const fields = isValue(given) ? new Fields([VALUE], [given]) : Fields.of(given as object | undefined);
  let text = message;
  if (text === undefined) text = fields.take('message');
  else fields.rename('message', 'message_');
  if (text === undefined && (isError(given) || isValue(given))) text = errorMessage(given);
  if ((typeof text === 'object' && text !== null) || typeof text === 'function') {
    // The value may hold secrets, and only fields are redacted.
    fields.set('message', text);
    text = undefined;
  }
  return { message: text === undefined || typeof text === 'string' ? text : inspectLine(text), fields };
}

/** The name of the field for a value that is no object: `catch` may give one in place of an Error. */
const VALUE = 'error';

/** Whether the message stands first, as for `console.error`. */
function isTurned(given: unknown, message: unknown): boolean {
  return typeof given === 'string' && message !== undefined && typeof message !== 'string';
}

function isValue(given: unknown): boolean {
  return given === null || (given !== undefined && typeof given !== 'object' && typeof given !== 'function');
}

/** The names of an event's fields, `message` first. A function has none, because it is not called. */
export function eventFieldNames(
  given: unknown,
  message: unknown,
  own: readonly string[] = [],
): readonly string[] {
  if (typeof given === 'string' && message === undefined) return [...new Set(['message', ...own])];
  if (isTurned(given, message)) return eventFieldNames(message, given, own);
  const names = isValue(given) ? [VALUE] : fieldNamesOf(given as object | undefined);
  const hasMessage = message !== undefined || isError(given) || isValue(given);
  const kept = message === undefined ? names : names.map((name) => (name === 'message' ? 'message_' : name));
  return [...new Set([...(hasMessage ? ['message'] : []), ...own, ...kept])];
}
