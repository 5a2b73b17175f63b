import { isError } from '../errors.ts';
import { Fields, type FieldsInput, fieldNamesOf, resolveLazy } from './fields.ts';
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
export function readEvent(
  input: unknown,
  message: string | undefined,
): { message: string | undefined; fields: Fields } {
  if (typeof input === 'string') return { message: input, fields: new Fields() };
  const given = resolveLazy(input);
  const fields = Fields.of(given as object | undefined);
  const own = fields.take('message');
  let text: unknown = message ?? own;
  if (text === undefined && isError(given)) text = errorMessage(given);
  if ((typeof text === 'object' && text !== null) || typeof text === 'function') {
    // The value may hold secrets, and only fields are redacted.
    fields.set('message', text);
    text = undefined;
  }
  return { message: text === undefined || typeof text === 'string' ? text : inspectLine(text), fields };
}

/** The names of an event's fields, `message` first. */
export function eventFieldNames(
  input: string | FieldsInput | undefined,
  message: string | undefined,
  own: readonly string[] = [],
): readonly string[] {
  const names = typeof input === 'string' ? [] : fieldNamesOf(input);
  const hasMessage = typeof input === 'string' || message !== undefined || isError(input);
  return [...new Set([...(hasMessage ? ['message'] : []), ...own, ...names])];
}
