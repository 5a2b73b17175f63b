import type { FieldsInput } from './fields.ts';
import { type Decorator, type DecoratorOptions, type InstrumentOptions, instrumented } from './instrument.ts';
import type { LevelName } from './level.ts';
import type { Span } from './span.ts';
import type { SpanOptions } from './span-options.ts';
import { Target } from './target.ts';

/** The target of the program: its `service`, before `initializeTracing` `app`. */
const app = new Target();

type Emit = (input: FieldsInput, message?: string) => void;

/**
 * An event: `(level, message)` or `(level, fields, message?)`.
 *
 * @example
 * ```ts
 * event('warn', { free: 3 }, 'nearly full');
 * ```
 */
export const event = ((level: LevelName, input: FieldsInput, message?: string) =>
  app.event(level, input, message)) as Target['event'];

/**
 * An event of level ERROR: `(message)`, `(fields, message?)` or `(error, message?)`.
 *
 * @example
 * ```ts
 * try {
 *   mount();
 * } catch (thrown) {
 *   error(thrown, 'not mounted');
 * }
 * ```
 */
export const error = ((input, message) => app.error(input, message)) as Emit as Target['error'];

/**
 * An event of level WARN: `(message)`, `(fields, message?)` or `(error, message?)`.
 *
 * @example
 * ```ts
 * warn({ attempt: 2 }, 'no offer yet');
 * ```
 */
export const warn = ((input, message) => app.warn(input, message)) as Emit as Target['warn'];

/**
 * An event of level INFO: `(message)`, `(fields, message?)` or `(error, message?)`.
 *
 * @example
 * ```ts
 * info({ user: 'alice' }, 'user created');
 * ```
 */
export const info = ((input, message) => app.info(input, message)) as Emit as Target['info'];

/**
 * An event of level DEBUG: `(message)`, `(fields, message?)` or `(error, message?)`.
 *
 * @example
 * ```ts
 * debug(() => ({ table: readFileSync('/proc/mounts', 'utf8') }), 'mounts'); // called only if enabled
 * ```
 */
export const debug = ((input, message) => app.debug(input, message)) as Emit as Target['debug'];

/**
 * An event of level TRACE: `(message)`, `(fields, message?)` or `(error, message?)`.
 *
 * @example
 * ```ts
 * trace('discover sent');
 * ```
 */
export const trace = ((input, message) => app.trace(input, message)) as Emit as Target['trace'];

/**
 * Makes a span, which lasts until it is closed. For a block of code `inSpan` is simpler.
 *
 * @example
 * ```ts
 * using mount = span('mount', { fields: { disk: 'sda' } });
 * mount.info('begun');
 * ```
 */
export function span(name: string, options?: SpanOptions): Span {
  return app.span(name, options);
}

/**
 * Makes a span, runs `fn` in it and closes it when `fn` returned, threw or settled. Returns what `fn` returns.
 *
 * @example
 * ```ts
 * const bytes = await inSpan('read_config', { fields: { path: '/etc/agent.conf' } }, () => readFile('/etc/agent.conf'));
 * ```
 */
export function inSpan<R>(name: string, fn: (span: Span) => R): R;
export function inSpan<R>(name: string, options: SpanOptions | undefined, fn: (span: Span) => R): R;
export function inSpan<R>(
  name: string,
  options: SpanOptions | undefined | ((span: Span) => R),
  fn?: (span: Span) => R,
): R {
  return app.inSpan(name, options as SpanOptions, fn as (span: Span) => R);
}

/**
 * Wraps a function, or decorates a method, so that each call has a span of its own.
 *
 * @example
 * ```ts
 * const mount = instrument({ name: 'mount', fields: (disk: string) => ({ disk }) }, (disk: string) => disk.length);
 * mount('sda');
 * ```
 */
export function instrument<F extends (...args: never[]) => unknown>(fn: F): F;
export function instrument<F extends (...args: never[]) => unknown>(options: InstrumentOptions<F>, fn: F): F;
export function instrument(options?: DecoratorOptions): Decorator;
export function instrument(first?: unknown, second?: unknown): unknown {
  return instrumented(app, first, second);
}
