import type { FieldsInput } from './fields.ts';
import { Level, type LevelName } from './level.ts';
import { type Report, runInside } from './run.ts';
import type { Span } from './span.ts';
import type { SpanOptions, Target } from './target.ts';

type AnyFunction = (...args: never[]) => unknown;

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
  fields?: object | ((this: ThisParameterType<F>, ...args: Parameters<F>) => object | undefined);
  /** Emit what is returned as the field `return` of an event. Default: no. */
  ret?: boolean | { level: LevelName };
  /** Emit what is thrown as the field `error` of an ERROR event. Default: no; the span is marked failed in any case. */
  err?: boolean | { level: LevelName };
}

/** A method decorator, TC39's or TypeScript's older one. */
export interface Decorator {
  <F extends AnyFunction>(method: F, context: ClassMethodDecoratorContext): F;
  (prototype: object, key: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

/** `instrument(fn)`, `instrument(options, fn)`, or `instrument(options?)` as a decorator. */
export function instrumented(log: Target, first: unknown, second: unknown): unknown {
  if (typeof first === 'function') return wrap(log, {}, first as AnyFunction);
  const options = (first ?? {}) as InstrumentOptions;
  if (typeof second === 'function') return wrap(log, options, second as AnyFunction);
  return (subject: unknown, context: unknown, descriptor?: PropertyDescriptor): unknown => {
    if (descriptor === undefined) return wrap(log, named(options, context), subject as AnyFunction);
    return { ...descriptor, value: wrap(log, named(options, context), descriptor.value as AnyFunction) };
  };
}

/** The name of a decorated method, whose function may have none. */
function named(options: InstrumentOptions, context: unknown): InstrumentOptions {
  const name = typeof context === 'object' ? (context as { name?: unknown } | null)?.name : context;
  return options.name === undefined ? { ...options, name: String(name) } : options;
}

function wrap<F extends AnyFunction>(log: Target, options: InstrumentOptions, fn: F): F {
  const name = options.name ?? (fn.name || 'anonymous');
  const { fields, ret, err, ...how } = options;
  const report = ret || err ? reportOf(log, ret, err) : undefined;
  const wrapper = function (this: unknown, ...args: unknown[]): unknown {
    const spanOptions: SpanOptions = how;
    const given =
      typeof fields === 'function' ? () => Reflect.apply(fields, this, args) as object | undefined : fields;
    const span = log.span(
      name,
      given === undefined ? spanOptions : { ...spanOptions, fields: given as FieldsInput },
    );
    return runInside(span, true, fn as never, this, args, report);
  };
  for (const key of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, key, { value: fn[key], configurable: true });
  }
  return wrapper as unknown as F;
}

/** Events that tell what a call returned or threw. */
function reportOf(log: Target, ret: InstrumentOptions['ret'], err: InstrumentOptions['err']): Report {
  const levelOf = (asked: typeof ret, otherwise: Level) =>
    typeof asked === 'object' ? asked.level : otherwise;
  return {
    returned: ret ? (value) => log.event(levelOf(ret, Level.INFO), { return: value }) : undefined,
    threw: err ? (error) => log.event(levelOf(err, Level.ERROR), { error }) : undefined,
  };
}
