import { OptionError } from '../errors.ts';
import { dispatch } from './context.ts';
import type { FieldsObject } from './fields.ts';
import { Level, type LevelName, verbosityOf } from './level.ts';
import { mimicFunction } from './mimic-function.ts';
import { type CallObserver, runInSpan } from './run-in-span.ts';
import type { Span } from './span.ts';
import type { SpanOptions, Target } from './target.ts';

type AnyFunction = (...args: never[]) => unknown;

/** Of a decorated method, which is not known yet; `fields` may say of which type they take `this` to be. */
type AnyMethod = (this: never, ...args: never[]) => unknown;

export interface InstrumentOptions<F extends AnyFunction = AnyFunction> {
  /** The span's name. Default: the function's. */
  name?: string;
  /** The span's target. Default: that of whoever instruments. */
  target?: string;
  /** The span's level. Default `INFO`. */
  level?: LevelName;
  /** The span's parent; `null` makes a root. Default: the current span. */
  parent?: Span | null;
  /** Spans that cause each call without being its parent. */
  followsFrom?: Span | readonly Span[];
  /** The span's fields, or a function of the call's arguments that makes them. Default: none, because names do not survive minifiers and arguments may be secret. */
  fields?: FieldsObject | ((this: ThisParameterType<F>, ...args: Parameters<F>) => FieldsObject | undefined);
  /** Emit what is returned as the field `return` of an event, unless told otherwise of the span's level. Default: no. */
  ret?: boolean | { level: LevelName };
  /** Emit what is thrown as the field `error` of an ERROR event. Default: no; the span is marked failed in any case. */
  err?: boolean | { level: LevelName };
}

/** Options of a decorator. */
export type DecoratorOptions = InstrumentOptions<AnyMethod>;

/** A method decorator, TC39's or TypeScript's older one. */
export interface Decorator {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F;
  (prototype: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

/** `instrument(fn)`, `instrument(options, fn)`, or `instrument(options?)` as a decorator. */
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

/** The name of a decorated method, whose function may have none. */
function named(options: InstrumentOptions, context: unknown): InstrumentOptions {
  const name = typeof context === 'object' ? (context as { name?: unknown } | null)?.name : context;
  return options.name === undefined ? { ...options, name: String(name) } : options;
}

function wrap(log: Target, options: InstrumentOptions, fn: unknown): AnyFunction {
  if (typeof fn !== 'function' || isClass(fn)) throw refused(fn);
  const { name = fn.name || 'anonymous', fields, ret, err, ...how } = options;
  const level = how.level ?? Level.INFO;
  const levels = { level, ...reportLevels(ret === true ? { level } : ret, err) };
  // Nobody hears anything of a call while all that it may tell is more verbose than what anybody wants.
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
    // Neither target of the call makes V8 build the arguments, unlike a rest parameter.
    return Reflect.apply(least > dispatch.verbosity ? fn : traced, this, arguments);
  };
  return mimicFunction(wrapper, fn as AnyFunction);
}

/** Builtin classes and those of the language have a prototype that can't be replaced. */
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

/** Events that tell what a call returned or threw. */
function reportOf(log: Target, { ret, err }: ReportLevels): CallObserver {
  return {
    returned: ret && ((value) => log.event(ret, { return: value })),
    threw: err && ((error) => log.event(err, { error })),
  };
}
