import { OptionError } from '../errors.ts';
import { functionOption } from '../option.ts';
import { currentSpan, currentSubscriber, dispatch } from './context.ts';
import { emitEvent, Emitter } from './emitter.ts';
import { evaluate, type Fields, type FieldsInput, mergeFields, fieldNamesOf, resolveLazy } from './fields.ts';
import { type Decorator, type DecoratorOptions, type InstrumentOptions, instrumented } from './instrument.ts';
import { type Level, type LevelName, levelOf } from './level.ts';
import { BoundedCache } from './bounded-cache.ts';
import { Callsite, eventCallsites } from './callsite.ts';
import { runInSpan } from './run-in-span.ts';
import { disabledSpan, Span } from './span.ts';
import { type SpanOptions, spanOptionsOf } from './span-options.ts';

/**
 * Emits events and makes spans of one target: the part of a program that they come from.
 *
 * @example
 * ```ts
 * const log = new Target('agent::net', { interface: 'eth0' });
 * log.warn({ attempt: 2 }, 'no offer yet');
 * log.child({ lease: 7 }).info('lease obtained');
 * ```
 */
export class Target extends Emitter {
  readonly #name: string | undefined;
  readonly #fields: Fields | undefined;
  readonly #spans = new BoundedCache<Callsite>();
  /** The target's name that `#events` belongs to. */
  #of: string | undefined;
  #events: Record<Level, Callsite> | undefined;

  /** Without a name it has that of the free functions. Throws `OptionError` for what is no text. */
  constructor(name?: string, fields?: FieldsInput) {
    super();
    if (name !== undefined && typeof name !== 'string') throw new OptionError('name', name, 'a text');
    this.#name = name;
    this.#fields = fields === undefined ? undefined : evaluate(fields);
  }

  get name(): string {
    return this.#name ?? dispatch.target;
  }

  /** A target of the same name whose events and spans all have these fields too. */
  child(fields: FieldsInput): Target {
    return new Target(this.#name, mergeFields(this.#fields, evaluate(fields)).toObject());
  }

  /** A target of another name with the same fields. */
  renamed(name: string): Target {
    return new Target(name, this.#fields?.toObject());
  }

  /** Whether any layer wants an event of this level here. */
  enabled(level: LevelName): boolean {
    return (currentSubscriber()?.enabledLayers(this.#eventCallsite(levelOf(level))) ?? 0) !== 0;
  }

  /** Makes a span, which lasts until it is closed. For a block of code `inSpan` is simpler. */
  span(name: string, options?: SpanOptions): Span {
    if (typeof name !== 'string') throw new OptionError('name', name, 'a text');
    const how = spanOptionsOf(options);
    if (how.verbosity > dispatch.verbosity) return disabledSpan();
    const { level, target, parent: above, followsFrom, fields: input } = how;
    const context = dispatch.storage.getStore();
    const registry = context?.subscriber ?? dispatch.global;
    if (registry === undefined) return disabledSpan();
    const need = registry.fieldNames.span;
    const given = need === 'all' ? resolveLazy(input) : input;
    let metadata = this.#spanCallsite(target ?? this.name, level, name);
    if (need !== 'none') metadata = metadata.withFields(this.#namesWith(fieldNamesOf(given)));
    const layerMask = registry.enabledLayers(metadata);
    if (layerMask === 0) return disabledSpan();
    const parent = above === undefined ? currentSpan(registry, context) : above;
    const fields = mergeFields(this.#fields, evaluate(given));
    const isParent = parent === null || parent?.registry === registry || parent?.remote !== undefined;
    const span = registry.newSpan(metadata, fields, isParent ? parent : undefined, layerMask);
    if (followsFrom !== undefined) for (const from of [followsFrom].flat()) span.followsFrom(from);
    return span;
  }

  /** Makes a span, runs `fn` in it and closes it when `fn` returned, threw or settled. Returns what `fn` returns. */
  inSpan<R>(name: string, fn: (span: Span) => R): R;
  inSpan<R>(name: string, options: SpanOptions | undefined, fn: (span: Span) => R): R;
  inSpan<R>(name: string, options: SpanOptions | undefined | ((span: Span) => R), fn?: (span: Span) => R): R {
    const body = typeof options === 'function' ? options : functionOption('fn', fn);
    const span = this.span(name, typeof options === 'function' ? undefined : options);
    return runInSpan(span, true, body as never, undefined, [span]) as R;
  }

  /** Wraps a function, or decorates a method, so that each call has a span of its own. */
  instrument<F extends (...args: never[]) => unknown>(fn: F): F;
  instrument<F extends (...args: never[]) => unknown>(options: InstrumentOptions<F>, fn: F): F;
  instrument(options?: DecoratorOptions): Decorator;
  instrument(first?: unknown, second?: unknown): unknown {
    return instrumented(this, first, second);
  }

  /** @internal */
  protected override emit(level: Level, input: string | FieldsInput, message: string | undefined): void {
    const callsite = this.#eventCallsite(level);
    if (callsite.verbosity > dispatch.verbosity) return;
    // Looking up the context costs as much as all the rest of an event that no layer wants.
    const context = dispatch.hasScoped ? dispatch.storage.getStore() : undefined;
    const registry = context?.subscriber ?? dispatch.global;
    if (registry === undefined || callsite.disabledState === registry.filterState) return;
    emitEvent(registry, callsite, input, message, this.#fields, undefined, context);
  }

  #namesWith(names: readonly string[]): readonly string[] {
    return this.#fields === undefined ? names : [...new Set([...this.#fields.names, ...names])];
  }

  #eventCallsite(level: Level): Callsite {
    const { name } = this;
    if (this.#events === undefined || this.#of !== name) {
      this.#of = name;
      this.#events = eventCallsites(name);
    }
    return this.#events[level];
  }

  /** The callsite of a span's name. It is kept, because the filters' decision is kept with it. */
  #spanCallsite(target: string, level: Level, name: string): Callsite {
    const known = this.#spans.get(name);
    if (known?.target === target && known.level === level) return known;
    return this.#spans.add(name, (own) => new Callsite('span', target, level, own));
  }
}

/**
 * A target named after a part of the program, `package::module`. All its events and spans have `fields`.
 *
 * @example
 * ```ts
 * const log = target('agent::disk');
 * log.inSpan('mount', { fields: { disk: 'sda' } }, () => log.info('mounted'));
 * ```
 */
export function target(name: string, fields?: FieldsInput): Target {
  return new Target(name, fields);
}
