import { isClass, OptionError } from '../errors.ts';
import { anyOption, type Check, type Checks, readOptions } from '../option.ts';
import { dispatch } from './context.ts';
import type { FieldsObject } from './fields.ts';
import { Level, type LevelName, type Verbosity, verbosityOf } from './level.ts';
import { mimicFunction } from './mimic-function.ts';
import { type CallObserver, runInSpan } from './run-in-span.ts';
import type { Span } from './span.ts';
import { levelOption, SPAN_OPTIONS, spanOptionsOf } from './span-options.ts';
import type { Target } from './target.ts';

type AnyFunction = (...args: never[]) => unknown;

/** The method of a decorator, whose type is not known yet. A function for `fields` may declare the type of its `this`. */
type AnyMethod = (this: never, ...args: never[]) => unknown;

export interface InstrumentOptions<F extends AnyFunction = AnyFunction> {
  /** The span's name. Default: the function's. */
  name?: string | undefined;
  /** The span's target. Default: the target whose `instrument` is called. */
  target?: string | undefined;
  /** The span's level. Default `INFO`. */
  level?: LevelName | undefined;
  /** The span's parent; `null` makes a root. Default: the current span. */
  parent?: Span | null | undefined;
  /** Spans that cause each call without being its parent. Default: none. */
  followsFrom?: Span | readonly Span[] | undefined;
  /** The span's fields, or a function of the call's arguments that returns them. Default: none, because minifiers change the names of parameters and arguments may be secret. */
  fields?:
    | FieldsObject
    | ((this: ThisParameterType<F>, ...args: Parameters<F>) => FieldsObject | undefined)
    | undefined;
  /** Whether an event has the returned value as its field `return`, at the span's level or the given one. Default `false`. */
  ret?: boolean | { level: LevelName } | undefined;
  /** Whether an event has the thrown value as its field `error`, at ERROR or the given level. Default `false`; the span fails in any case. */
  err?: boolean | { level: LevelName } | undefined;
}

const OPTIONS: Checks<InstrumentOptions> = {
  ...SPAN_OPTIONS,
  // Fields are those of each call, and its arguments are of any type.
  fields: SPAN_OPTIONS.fields as Check<NonNullable<InstrumentOptions['fields']>>,
  name: (option, given) => {
    if (typeof given === 'string') return given;
    throw new OptionError(option, given, 'a text');
  },
  ret: reportOption,
  err: reportOption,
};

/** Options of a decorator. */
export type DecoratorOptions = InstrumentOptions<AnyMethod>;

/** A method decorator, of TC39's standard or of TypeScript's `experimentalDecorators`. */
export interface Decorator {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F;
  (prototype: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

/** Implements `instrument(fn)`, `instrument(options, fn)` and the decorator `instrument(options?)`. */
export function instrumented(log: Target, first: unknown, second: unknown): unknown {
  if (typeof first === 'function') return wrap(log, readOptions(OPTIONS, undefined), first);
  if (typeof first !== 'object' && first !== undefined) throw refused(first);
  const options = readOptions(OPTIONS, first as InstrumentOptions | undefined);
  if (second !== undefined) return wrap(log, options, second);
  return (subject: unknown, context: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor !== undefined) {
      return { ...descriptor, value: wrap(log, named(options, context), descriptor.value ?? 'an accessor') };
    }
    const kind = (context as { kind?: unknown } | null | undefined)?.kind;
    if (kind !== 'method') throw refused(kind ?? subject);
    return wrap(log, named(options, context), subject);
  };
}

/** The options with the name of the decorated method: its function may have none. */
function named(options: InstrumentOptions, context: unknown): InstrumentOptions {
  if (options.name !== undefined) return options;
  const name = typeof context === 'object' ? (context as { name?: unknown } | null)?.name : context;
  return readOptions(OPTIONS, { ...options, name: String(name) });
}

function wrap(log: Target, options: InstrumentOptions, fn: unknown): AnyFunction {
  if (typeof fn !== 'function' || isClass(fn)) throw refused(fn);
  const { name = nameOf(fn), fields, ret, err } = options;
  const { level: asked, target, parent, followsFrom } = options;
  const how = spanOptionsOf({
    level: asked,
    target,
    parent,
    followsFrom,
    fields: typeof fields === 'object' ? fields : undefined,
  });
  const { level } = how;
  const reported = reportLevels(ret === true ? { level } : ret, err);
  // While everything that a call may emit is more verbose than what any layer wants, the call runs as it is.
  const levels = [level, ...Object.values(reported)];
  const least = Math.min(...levels.map((each) => verbosityOf(each) as Verbosity));
  const report =
    ret || err ? reportOf(target === undefined ? log : log.renamed(target), reported) : undefined;
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    const own =
      typeof fields === 'function'
        ? how.withFields(() => Reflect.apply(fields, this, args) as FieldsObject | undefined)
        : how;
    return runInSpan(log.span(name, own), true, fn as never, this, args, report);
  };
  const wrapper = function (this: unknown): unknown {
    if (new.target !== undefined) throw refused(fn, true);
    // With `arguments` V8 builds no array for the call, unlike with a rest parameter.
    return Reflect.apply(least > dispatch.verbosity ? fn : traced, this, arguments);
  };
  return mimicFunction(wrapper, fn as AnyFunction);
}

function refused(given: unknown, isNew = false): OptionError {
  let what = given;
  if (typeof given === 'function') what = `${isNew ? 'new' : 'class'} ${given.name}`;
  return new OptionError('instrument', what, 'given a function or a method that is no constructor');
}

function nameOf(fn: object): string {
  const { name } = fn as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'anonymous';
}

/** A boolean, or an object with a level. */
function reportOption(option: string, given: unknown): boolean | { level: LevelName } {
  if (typeof given === 'boolean') return given;
  if (typeof given !== 'object' || given === null) {
    throw new OptionError(option, given, 'true, false or { level }');
  }
  const { level } = readOptions<{ level: LevelName }>({ level: anyOption }, given as never, option);
  return { level: levelOption(option, level) };
}

interface ReportLevels {
  ret?: LevelName;
  err?: LevelName;
}

function reportLevels(
  ret: false | { level: LevelName } | undefined,
  err: InstrumentOptions['err'],
): ReportLevels {
  const levels = Object.create(null) as ReportLevels;
  if (ret) levels.ret = ret.level;
  if (err) levels.err = err === true ? Level.ERROR : err.level;
  return levels;
}

/** An observer that emits what a call returned or threw. */
function reportOf(log: Target, { ret, err }: ReportLevels): CallObserver {
  return {
    returned: ret && ((value) => log.event(ret, { return: value })),
    threw: err && ((error) => log.event(err, { error })),
  };
}
