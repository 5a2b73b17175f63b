import { type Context, currentSpan } from './context.ts';
import { Event } from './event.ts';
import { Fields, type FieldsInput, mergeFields, namesOf, resolveLazy } from './fields.ts';
import { Level, type LevelName, levelOf } from './level.ts';
import type { Callsite } from './metadata.ts';
import type { Registry } from './registry.ts';
import type { Span } from './span.ts';
import { errorMessage, inspectLine, isError } from './value.ts';

/** What can emit events; its subclasses say where they go. */
export abstract class Emitter {
  /** An event: `(level, message)` or `(level, fields, message?)`. The message is never a format string. */
  event(level: LevelName, message: string): void;
  event(level: LevelName, fields: FieldsInput, message?: string): void;
  event(level: LevelName, input: string | FieldsInput, message?: string): void {
    this.emit(levelOf(level), input, message);
  }

  /** An event of level ERROR: `(message)`, `(fields, message?)` or `(error, message?)`. */
  error(message: string): void;
  error(fields: FieldsInput, message?: string): void;
  error(input: string | FieldsInput, message?: string): void {
    this.emit(Level.ERROR, input, message);
  }

  /** An event of level WARN: `(message)`, `(fields, message?)` or `(error, message?)`. */
  warn(message: string): void;
  warn(fields: FieldsInput, message?: string): void;
  warn(input: string | FieldsInput, message?: string): void {
    this.emit(Level.WARN, input, message);
  }

  /** An event of level INFO: `(message)`, `(fields, message?)` or `(error, message?)`. */
  info(message: string): void;
  info(fields: FieldsInput, message?: string): void;
  info(input: string | FieldsInput, message?: string): void {
    this.emit(Level.INFO, input, message);
  }

  /** An event of level DEBUG: `(message)`, `(fields, message?)` or `(error, message?)`. */
  debug(message: string): void;
  debug(fields: FieldsInput, message?: string): void;
  debug(input: string | FieldsInput, message?: string): void {
    this.emit(Level.DEBUG, input, message);
  }

  /** An event of level TRACE: `(message)`, `(fields, message?)` or `(error, message?)`. */
  trace(message: string): void;
  trace(fields: FieldsInput, message?: string): void;
  trace(input: string | FieldsInput, message?: string): void {
    this.emit(Level.TRACE, input, message);
  }

  /** @internal */
  protected abstract emit(level: Level, input: string | FieldsInput, message: string | undefined): void;
}

/** The message and the other fields of what a caller said. */
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
    // It may hold secrets, which are looked for in fields only.
    fields.set('message', text);
    text = undefined;
  }
  return { message: text === undefined || typeof text === 'string' ? text : inspectLine(text), fields };
}

/**
 * Emits an event to the layers of `registry` that want it. It has the fields `own` besides the caller's, and
 * happens in `span`, by default in the current span. `context` is the current context where it is known already.
 */
export function emitEvent(
  registry: Registry,
  callsite: Callsite,
  input: string | FieldsInput,
  message: string | undefined,
  own: Fields | undefined,
  span?: Span,
  context?: Context,
): void {
  const need = registry.fieldNames.event;
  const given = need === 'all' ? resolveLazy(input) : input;
  const metadata = need === 'none' ? callsite : callsite.withFields(eventNames(given, message, own?.names));
  const seenBy = registry.interest(metadata);
  if (seenBy === 0) return;
  const { message: text, fields } = readEvent(given, message);
  const parent = span ?? currentSpan(registry, context);
  registry.event(new Event(metadata, text, mergeFields(own, fields), parent), seenBy);
}

/** The names of an event's fields, the message first. */
function eventNames(
  input: string | FieldsInput | undefined,
  message: string | undefined,
  own: readonly string[] = [],
): readonly string[] {
  const names = typeof input === 'string' ? [] : namesOf(input);
  const hasMessage = typeof input === 'string' || message !== undefined || isError(input);
  return [...new Set([...(hasMessage ? ['message'] : []), ...own, ...names])];
}
