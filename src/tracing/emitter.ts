import { type Context, currentSpan } from './context.ts';
import { Event, eventFieldNames, readEvent } from './event.ts';
import { type Fields, type FieldsInput, mergeFields, resolveLazy } from './fields.ts';
import { Level, type LevelName, levelOf } from './level.ts';
import type { Callsite } from './callsite.ts';
import type { Registry } from './registry.ts';
import type { Span } from './span.ts';

/** The methods that emit events, of targets and of spans. */
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
  const layerMask = registry.enabledLayers(metadata);
  if (layerMask === 0) return;
  const { message: text, fields } = readEvent(given, message);
  const parent = span ?? currentSpan(registry, context);
  registry.event(new Event(metadata, text, mergeFields(own, fields), parent), layerMask);
}
