import { OptionError } from '../errors.ts';
import { dispatch } from './context.ts';
import type { FieldsObject } from './fields.ts';
import { Level, type LevelName, verbosityOf } from './level.ts';
import { mimicFunction } from './mimic-function.ts';
import { type CallObserver, runInSpan } from './run-in-span.ts';
import type { Span } from './span.ts';
import type { SpanOptions, Target } from './target.ts';

type AnyFunction = (...args: never[]) => unknown;

/** The method of a decorator, whose type is not known yet. A function for `fields` may declare the type of its `this`. */
type AnyMethod = (this: never, ...args: never[]) => unknown;

export interface InstrumentOptions<F extends AnyFunction = AnyFunction> {
  /** The span's name. Default: the function's. */
  name?: string;
  /** The span's target. Default: the target whose `instrument` is called. */
  target?: string;
  /** The span's level. Default `INFO`. */
  level?: LevelName;
  /** The span's parent; `null` makes a root. Default: the current span. */
  parent?: Span | null;
  /** Spans that cause each call without being its parent. Default: none. */
  followsFrom?: Span | readonly Span[];
  /** The span's fields, or a function of the call's arguments that returns them. Default: none, because minifiers change the names of parameters and arguments may be secret. */
  fields?: FieldsObject | ((this: ThisParameterType<F>, ...args: Parameters<F>) => FieldsObject | undefined);
  /** Whether an event has the returned value as its field `return`, at the span's level or the given one. Default `false`. */
  ret?: boolean | { level: LevelName };
  /** Whether an event has the thrown value as its field `error`, at ERROR or the given level. Default `false`; the span fails in any case. */
  err?: boolean | { level: LevelName };
}

/** Options of a decorator. */
export type DecoratorOptions = InstrumentOptions<AnyMethod>;

/** A method decorator, of TC39's standard or of TypeScript's `experimentalDecorators`. */
export interface Decorator {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F;
  (prototype: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

/** Implements `instrument(fn)`, `instrument(options, fn)` and the decorator `instrument(options?)`. */
export function instrumented(log: Target, first: unknown, second: unknown): unknown {
  if (typeof first === 'function') return wrap(log, {}, first);
  if (typeof first !== 'object' && first !== undefined) throw refused(first);
  const options = (first ?? {}) as InstrumentOptions;
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
  const name = typeof context === 'object' ? (context as { name?: unknown } | null)?.name : context;
  return options.name === undefined ? { ...options, name: String(name) } : options;
}

function wrap(log: Target, options: InstrumentOptions, fn: unknown): AnyFunction {
  if (typeof fn !== 'function' || isClass(fn)) throw refused(fn);
  const { name = fn.name || 'anonymous', fields, ret, err, ...how } = options;
  const level = how.level ?? Level.INFO;
  const levels = { level, ...reportLevels(ret === true ? { level } : ret, err) };
  // While everything that a call may emit is more verbose than what any layer wants, the call runs as it is.
  const least = Math.min(...Object.entries(levels).map(([option, level]) => verbosityOption(option, level)));
  const report =
    ret || err ? reportOf(how.target === undefined ? log : log.renamed(how.target), levels) : undefined;
  const spanOptions: SpanOptions =
    fields === undefined || typeof fields === 'function' ? how : { ...how, fields };
  const traced = function (this: unknown, ...args: unknown[]): unknown {
    const span = log.span(
      name,
      typeof fields === 'function'
        ? { ...how, fields: () => Reflect.apply(fields, this, args) as object | undefined }
        : spanOptions,
    );
    return runInSpan(span, true, fn as never, this, args, report);
  };
  const wrapper = function (this: unknown): unknown {
    if (new.target !== undefined) throw refused(fn, true);
    // With `arguments` V8 builds no array for the call, unlike with a rest parameter.
    return Reflect.apply(least > dispatch.verbosity ? fn : traced, this, arguments);
  };
  return mimicFunction(wrapper, fn as AnyFunction);
}

/** The property `prototype` of a class, builtin or not, is not writable; that of a function is. */
function isClass(fn: object): boolean {
  return Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false;
}

function refused(given: unknown, isNew = false): OptionError {
  let what = given;
  if (typeof given === 'function') what = `${isNew ? 'new' : 'class'} ${given.name}`;
  return new OptionError('instrument', what, 'given a function or a method that is no constructor');
}

function verbosityOption(option: string, level: unknown): number {
  const verbosity = verbosityOf(level);
  if (!verbosity) throw new OptionError(option, level, 'error, warn, info, debug or trace');
  return verbosity;
}

interface ReportLevels {
  ret?: LevelName;
  err?: LevelName;
}

function reportLevels(
  ret: false | { level: LevelName } | undefined,
  err: InstrumentOptions['err'],
): ReportLevels {
  return {
    ...(ret && { ret: ret.level }),
    ...(err && { err: err === true ? Level.ERROR : err.level }),
  };
}

/** An observer that emits what a call returned or threw. */
function reportOf(log: Target, { ret, err }: ReportLevels): CallObserver {
  return {
    returned: ret && ((value) => log.event(ret, { return: value })),
    threw: err && ((error) => log.event(err, { error })),
  };
}
