import { OptionError } from '../errors.ts';
import { type Checks, objectOption, refuseName, textOption } from '../option.ts';
import type { FieldsInput } from './fields.ts';
import { Level, type LevelName, LEVELS, type Verbosity, verbosityOf } from './level.ts';
import type { Span } from './span.ts';

export interface SpanOptions {
  /** The span's level. Default `INFO`. */
  level?: LevelName | undefined;
  /** The span's target. Default: the one whose method is called. */
  target?: string | undefined;
  /** The span's parent; `null` makes a root. Default: the current span. */
  parent?: Span | null | undefined;
  /** Spans that caused it without being its parent. Default: none. */
  followsFrom?: Span | readonly Span[] | undefined;
  fields?: FieldsInput | undefined;
}

export const SPAN_OPTIONS: Checks<SpanOptions> = {
  level: levelOption,
  target: textOption,
  parent: parentOption,
  followsFrom: causesOption,
  fields: fieldsOption,
};

/** Options of a span that were checked. Every member is its own, so that `Object.prototype` has no say. */
export class CheckedSpanOptions {
  level: Level = Level.INFO;
  verbosity: Verbosity = 3;
  target: string | undefined = undefined;
  parent: Span | null | undefined = undefined;
  followsFrom: Span | readonly Span[] | undefined = undefined;
  fields: FieldsInput | undefined = undefined;

  withFields(fields: FieldsInput): CheckedSpanOptions {
    const other = new CheckedSpanOptions();
    other.level = this.level;
    other.verbosity = this.verbosity;
    other.target = this.target;
    other.parent = this.parent;
    other.followsFrom = this.followsFrom;
    other.fields = fields;
    return other;
  }
}

const NONE = Object.freeze(new CheckedSpanOptions());

/** Called as a method of it, V8 need not look in a loop over the object's names; with `Object.hasOwn` it would. */
const { hasOwnProperty } = Object.prototype;

/**
 * Checks the options of a span. As `readOptions`, but spans are made often: names are looked at in the order of the
 * object, which costs V8 next to nothing, and no table is searched. Throws `OptionError`.
 */
export function spanOptionsOf(given: SpanOptions | undefined): Readonly<CheckedSpanOptions> {
  if (given === undefined) return NONE;
  if (given instanceof CheckedSpanOptions) return given;
  if (typeof given !== 'object' || given === null) objectOption('options', given);
  const own = new CheckedSpanOptions();
  let count = 0;
  for (const name in given) {
    if (!hasOwnProperty.call(given, name)) continue;
    count++;
    // Members are read by names that are written here, which V8 finds much faster. Each is read once.
    switch (name) {
      case 'fields': {
        const { fields } = given;
        if (fields !== undefined) own.fields = fieldsOption(name, fields);
        break;
      }
      case 'level': {
        const { level } = given;
        if (level === undefined) break;
        own.verbosity = verbosityOption(name, level);
        own.level = LEVELS[own.verbosity - 1] as Level;
        break;
      }
      case 'target': {
        const { target } = given;
        if (target !== undefined) own.target = textOption(name, target);
        break;
      }
      case 'parent': {
        const { parent } = given;
        if (parent !== undefined) own.parent = parentOption(name, parent);
        break;
      }
      case 'followsFrom': {
        const { followsFrom } = given;
        if (followsFrom !== undefined) own.followsFrom = causesOption(name, followsFrom);
        break;
      }
      default:
        objectOption('options', given);
        refuseName(name, SPAN_OPTIONS);
    }
  }
  if (count === 0) objectOption('options', given);
  return own;
}

/** The name of a level in any case. */
export function levelOption(option: string, given: unknown): LevelName {
  verbosityOption(option, given);
  return given as LevelName;
}

function verbosityOption(option: string, given: unknown): Verbosity {
  const verbosity = verbosityOf(given);
  if (verbosity) return verbosity;
  throw new OptionError(option, given, 'error, warn, info, debug or trace');
}

function parentOption(option: string, given: unknown): Span | null {
  return given === null ? null : spanOption(option, given);
}

function causesOption(option: string, given: unknown): Span | readonly Span[] {
  const allowed = 'a span or a list of spans';
  // What is no span is no cause.
  if (given === null) return [];
  if (!Array.isArray(given)) return spanOption(option, given, allowed);
  return given.map((from: unknown) => spanOption(option, from, allowed));
}

/** Spans of other copies of the package and of other processes count, and disabled ones. */
function spanOption(option: string, given: unknown, allowed = 'a span or null'): Span {
  const isObject = typeof given === 'object' && given !== null;
  if (isObject && typeof (given as Span).followsFrom === 'function') return given as Span;
  throw new OptionError(option, given, allowed);
}

function fieldsOption(option: string, given: unknown): FieldsInput {
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  if (isObject || typeof given === 'function') return given as FieldsInput;
  throw new OptionError(option, given, 'an object of fields or a function that returns one');
}
