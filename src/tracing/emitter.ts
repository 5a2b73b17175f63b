import { type Context, currentSpan } from './context.ts';
import { Event, eventFieldNames, readEvent } from './event.ts';
import { type Fields, type FieldsInput, mergeFields, resolveLazy } from './fields.ts';
import { Level, type LevelName, levelOf } from './level.ts';
import type { Callsite } from './callsite.ts';
import type { Registry } from './registry.ts';
import type { Span } from './span.ts';

/** What `catch` caught, whose type says nothing; `never` for a value of any other type. */
type Caught<T> = unknown extends T ? T : never;

/** Whatever is no text: a text would be the message, and a message comes last. */
type NoText<T> = T extends string ? never : T;

/** The methods that emit events, of targets and of spans. */
export abstract class Emitter {
  /** An event: `(level, message)` or `(level, fields, message?)`. The message is never a format string. */
  event(level: LevelName, message: string): void;
  event(level: LevelName, fields: FieldsInput, message?: string): void;
  event<T>(level: LevelName, error: Caught<T>, message?: string): void;
  event(level: LevelName, input: unknown, message?: string): void {
    this.emit(levelOf(level), input as FieldsInput, message);
  }

  /** An event of level ERROR: `(message)`, `(fields, message?)` or `(error, message?)`, whatever was thrown. */
  error(message: string): void;
  error(fields: FieldsInput, message?: string): void;
  error<T>(error: NoText<T>, message?: string): void;
  error(input: unknown, message?: string): void {
    this.emit(Level.ERROR, input as FieldsInput, message);
  }

  /** An event of level WARN: `(message)`, `(fields, message?)` or `(error, message?)`. */
  warn(message: string): void;
  warn(fields: FieldsInput, message?: string): void;
  warn<T>(error: Caught<T>, message?: string): void;
  warn(input: unknown, message?: string): void {
    this.emit(Level.WARN, input as FieldsInput, message);
  }

  /** An event of level INFO: `(message)`, `(fields, message?)` or `(error, message?)`. */
  info(message: string): void;
  info(fields: FieldsInput, message?: string): void;
  info<T>(error: Caught<T>, message?: string): void;
  info(input: unknown, message?: string): void {
    this.emit(Level.INFO, input as FieldsInput, message);
  }

  /** An event of level DEBUG: `(message)`, `(fields, message?)` or `(error, message?)`. */
  debug(message: string): void;
  debug(fields: FieldsInput, message?: string): void;
  debug<T>(error: Caught<T>, message?: string): void;
  debug(input: unknown, message?: string): void {
    this.emit(Level.DEBUG, input as FieldsInput, message);
  }

  /** An event of level TRACE: `(message)`, `(fields, message?)` or `(error, message?)`. */
  trace(message: string): void;
  trace(fields: FieldsInput, message?: string): void;
  trace<T>(error: Caught<T>, message?: string): void;
  trace(input: unknown, message?: string): void {
    this.emit(Level.TRACE, input as FieldsInput, message);
  }

  /** @internal */
  protected abstract emit(level: Level, input: string | FieldsInput, message: string | undefined): void;
}

/**
 * Emits an event to the layers of `registry` that want it. `own` are fields of the target that the caller's fields are
 * added to. The parent is `span`, by default the current span. `context` is the current context if it is known already.
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
  const metadata =
    need === 'none' ? callsite : callsite.withFields(eventFieldNames(given, message, own?.names));
  let layerMask = registry.enabledLayers(metadata);
  if (layerMask === 0) return;
  const parent = span ?? currentSpan(registry, context);
  if (parent !== undefined && !parent.isClosed) layerMask &= ~parent.ignoredBy;
  if (layerMask === 0) return;
  const { message: text, fields } = readEvent(given, message);
  registry.event(new Event(metadata, text, mergeFields(own, fields), parent), layerMask);
}
