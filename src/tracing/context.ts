import { AsyncLocalStorage } from 'node:async_hooks';
import type { ScopeLevels } from './filter-set.ts';
import type { Registry } from './registry.ts';
import { shared } from './shared.ts';
import type { Span } from './span.ts';

/** What is current where code runs, across awaits and callbacks. */
export interface Context {
  readonly span: Span | undefined;
  /** The subscriber that `withDefault` put in place of the global one. */
  readonly subscriber: Registry | undefined;
  /** What filters let pass because of the spans that the code runs in. */
  readonly scope: ScopeLevels | undefined;
  /** OpenTelemetry's active context, where this package is what carries that. */
  readonly carried: unknown;
}

/** A hook of a layer or filter that a registry calls. What it emits is not passed on: the hook would be called for that again. */
export interface Hook {
  /** Counts a span or event of the hook that is not passed on. */
  suppress(): void;
}

/** The state that all copies of the package in this thread share. */
interface Dispatch {
  readonly storage: AsyncLocalStorage<Context>;
  /** The global default subscriber. */
  global: Registry | undefined;
  /** No layer wants anything more verbose than this. */
  verbosity: number;
  /** Whether `withDefault` was ever used. */
  hasScoped: boolean;
  /** The greatest verbosity that a subscriber of `withDefault` ever had. */
  scopedVerbosity: number;
  /** The target of the free functions. */
  target: string;
  /** The hook that runs in this thread right now. */
  hook: Hook | undefined;
}

// The number in the key changes with the type: versions of the package with the same type share one object.
export const dispatch = shared<Dispatch>('kvp-tracing.dispatch.3', () => ({
  storage: new AsyncLocalStorage<Context>(),
  global: undefined,
  verbosity: 0,
  hasScoped: false,
  scopedVerbosity: 0,
  target: 'app',
  hook: undefined,
}));

/** The subscriber of the code that runs: that of `withDefault`, else the global default. */
export function currentSubscriber(): Registry | undefined {
  return dispatch.storage.getStore()?.subscriber ?? dispatch.global;
}

/** The current context with something else carried in it. */
export function carrying(carried: unknown): Context {
  const outer = dispatch.storage.getStore();
  return { span: outer?.span, subscriber: outer?.subscriber, scope: outer?.scope, carried };
}

/** The current span if `registry` made it. */
export function currentSpan(
  registry: Registry | undefined,
  context = dispatch.storage.getStore(),
): Span | undefined {
  const span = context?.span;
  return span !== undefined && span.registry === registry ? span : undefined;
}

/** Must be called after a change of the global subscriber or of a filter. `scoped` is the verbosity of a subscriber of `withDefault`. */
export function updateVerbosity(scoped = 0): void {
  dispatch.scopedVerbosity = Math.max(dispatch.scopedVerbosity, scoped);
  dispatch.verbosity = Math.max(dispatch.global?.verbosity ?? 0, dispatch.scopedVerbosity);
}
