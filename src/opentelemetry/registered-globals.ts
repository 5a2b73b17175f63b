import type { ContextManager, TextMapPropagator, TracerProvider } from '@opentelemetry/api';

export const API: unique symbol = Symbol.for('opentelemetry.js.api.1') as never;
/** The key under which OpenTelemetry's `suppressTracing` marks a context. */
const SUPPRESS_TRACING = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

/** What is registered with OpenTelemetry's API in this process. */
export interface RegisteredGlobals {
  readonly trace?: TracerProvider;
  readonly context?: ContextManager;
  readonly propagation?: TextMapPropagator;
}

/**
 * What is registered with OpenTelemetry's API, by this package or by the program. Does not load the API, which
 * takes 25 ms; every copy of it keeps its globals under the same symbol.
 */
export function registeredGlobals(): RegisteredGlobals {
  return (globalThis as { [API]?: RegisteredGlobals })[API] ?? {};
}

/** Whether `register` registered something. It can't where the global object is frozen. */
export function registered(register: () => boolean): boolean {
  try {
    return register();
  } catch {
    return false;
  }
}

/** Whether the code that runs now is under OpenTelemetry's `suppressTracing`, as exporters are. */
export function isSuppressedByContext(): boolean {
  return registeredGlobals().context?.active().getValue(SUPPRESS_TRACING) === true;
}
