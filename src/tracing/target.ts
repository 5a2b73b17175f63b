import { currentSpan, currentSubscriber, dispatch } from './context.ts';
import { emitEvent, Emitter } from './emitter.ts';
import { evaluate, type Fields, type FieldsInput, mergeFields, fieldNamesOf, resolveLazy } from './fields.ts';
import { type Decorator, type DecoratorOptions, type InstrumentOptions, instrumented } from './instrument.ts';
import { Level, type LevelName, levelOf, verbosityOf } from './level.ts';
import { BoundedCache } from './bounded-cache.ts';
import { Callsite, eventCallsites } from './callsite.ts';
import { runInSpan } from './run-in-span.ts';
import { disabledSpan, Span } from './span.ts';

export interface SpanOptions {
  /** Default `INFO`. */
  level?: LevelName;
  /** Default: the target it is made by. */
  target?: string;
  /** The parent; `null` makes a root. Default: the current span. */
  parent?: Span | null;
  /** Spans that caused it without being its parent. */
  followsFrom?: Span | readonly Span[];
  fields?: FieldsInput;
}

/** Events and spans of one target, the part of a program that they are from. */
export class Target extends Emitter {
  readonly #name: string | undefined;
  readonly #fields: Fields | undefined;
  readonly #spans = new BoundedCache<Callsite>();
  /** The name that `#events` is for. */
  #of: string | undefined;
  #events: Record<Level, Callsite> | undefined;

  /** Without a name the target is that of the free functions. */
  constructor(name?: string, fields?: FieldsInput) {
    super();
    this.#name = name;
    this.#fields = fields === undefined ? undefined : evaluate(fields);
  }

  get name(): string {
    return this.#name ?? dispatch.target;
  }

  /** The same target with fields that all its events and spans carry. */
  child(fields: FieldsInput): Target {
    return new Target(this.#name, mergeFields(this.#fields, evaluate(fields)).toObject());
  }

  /** Another target with the same fields. */
  renamed(name: string): Target {
    return new Target(name, this.#fields?.toObject());
  }

  /** Whether anybody would see an event of this level. */
  enabled(level: LevelName): boolean {
    return (currentSubscriber()?.enabledLayers(this.#eventCallsite(levelOf(level))) ?? 0) !== 0;
  }

  /** Makes a span that ends when it is closed. For blocks, `inSpan` is simpler. */
  span(name: string, options?: SpanOptions): Span {
    const verbosity = options?.level === undefined ? 3 : (verbosityOf(options.level) ?? 3);
    if (verbosity > dispatch.verbosity) return disabledSpan();
    const context = dispatch.storage.getStore();
    const registry = context?.subscriber ?? dispatch.global;
    if (registry === undefined) return disabledSpan();
    const need = registry.fieldNames.span;
    const given = need === 'all' ? resolveLazy(options?.fields) : options?.fields;
    const level = levelOf(options?.level ?? Level.INFO);
    let metadata = this.#spanCallsite(options?.target ?? this.name, level, name);
    if (need !== 'none') metadata = metadata.withFields(this.#namesWith(fieldNamesOf(given)));
    const layerMask = registry.enabledLayers(metadata);
    if (layerMask === 0) return disabledSpan();
    const parent = options?.parent === undefined ? currentSpan(registry, context) : options.parent;
    const fields = mergeFields(this.#fields, evaluate(given));
    const isParent = parent === null || parent?.registry === registry || parent?.remote !== undefined;
    const span = registry.newSpan(metadata, fields, isParent ? parent : undefined, layerMask);
    if (options?.followsFrom !== undefined) {
      for (const from of [options.followsFrom].flat()) span.followsFrom(from);
    }
    return span;
  }

  /** Makes a span, runs `fn` in it, sync or async, closes it when `fn` settles, returns what `fn` returns. */
  inSpan<R>(name: string, fn: (span: Span) => R): R;
  inSpan<R>(name: string, options: SpanOptions | undefined, fn: (span: Span) => R): R;
  inSpan<R>(name: string, options: SpanOptions | undefined | ((span: Span) => R), fn?: (span: Span) => R): R {
    const body = typeof options === 'function' ? options : fn;
    const span = this.span(name, typeof options === 'function' ? undefined : options);
    return runInSpan(span, true, body as never, undefined, [span]) as R;
  }

  /** `fn`, or a method, with a span around each call. */
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
    // Looking the context up costs as much as all the rest of an event that nobody wants to hear of.
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

  /** The same one for spans that are made alike, so that decisions about them are kept. */
  #spanCallsite(target: string, level: Level, name: string): Callsite {
    const known = this.#spans.get(name);
    if (known?.target === target && known.level === level) return known;
    return this.#spans.add(name, (own) => new Callsite('span', target, level, own));
  }
}

/** Events and spans of one part of a program, `package::module`; with `fields`, all of them carry those. */
export function target(name: string, fields?: FieldsInput): Target {
  return new Target(name, fields);
}
