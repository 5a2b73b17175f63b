import { AsyncLocalStorage } from 'node:async_hooks';
import type { ScopeLevels } from './filter-set.ts';
import type { Registry } from './registry.ts';
import type { Span } from './span.ts';

/** What is current in a piece of running code. */
export interface Context {
  readonly span: Span | undefined;
  /** The subscriber that `withDefault` put in place of the global one. */
  readonly subscriber: Registry | undefined;
  /** What passes because of the spans that the code runs inside of. */
  readonly scope: ScopeLevels | undefined;
}

/** Code that a registry calls. What happens in it is not dispatched: it would be called for that again. */
export interface Hook {
  /** Counts something that happened in it. */
  suppress(): void;
}

/** One per process, even if the package is loaded twice. */
interface Dispatch {
  readonly storage: AsyncLocalStorage<Context>;
  /** The global default subscriber. */
  global: Registry | undefined;
  /** Nothing more verbose than this is seen by anybody. */
  verbosity: number;
  /** Whether `withDefault` was ever used. */
  hasScoped: boolean;
  /** How verbose subscribers of `withDefault` ever were. */
  scopedVerbosity: number;
  /** The target of the free functions. */
  target: string;
  /** The layer or filter that is being told of something in this thread right now. */
  hook: Hook | undefined;
}

// The number changes with the shape: two versions with one shape share one dispatch.
const KEY = Symbol.for('kvp-tracing.dispatch.2');
const globals = globalThis as { [KEY]?: Dispatch };

export const dispatch: Dispatch = (globals[KEY] ??= {
  storage: new AsyncLocalStorage<Context>(),
  global: undefined,
  verbosity: 0,
  hasScoped: false,
  scopedVerbosity: 0,
  target: 'app',
  hook: undefined,
});

/** The subscriber that hears of what happens here. */
export function currentSubscriber(): Registry | undefined {
  return dispatch.storage.getStore()?.subscriber ?? dispatch.global;
}

/** The current span as `registry` knows it; a span of another registry is none of its own. */
export function currentSpan(
  registry: Registry | undefined,
  context = dispatch.storage.getStore(),
): Span | undefined {
  const span = context?.span;
  return span !== undefined && span.registry === registry ? span : undefined;
}

/** After a change of the global subscriber or of a filter; `scoped` is the verbosity of one of `withDefault`. */
export function updateVerbosity(scoped = 0): void {
  dispatch.scopedVerbosity = Math.max(dispatch.scopedVerbosity, scoped);
  dispatch.verbosity = Math.max(dispatch.global?.verbosity ?? 0, dispatch.scopedVerbosity);
}
