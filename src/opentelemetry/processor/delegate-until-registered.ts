import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';
import { registeredGlobals } from '../registered-globals.ts';

/** The proxy through which OpenTelemetry's API reaches the global provider. */
export interface Proxy extends TracerProvider {
  setDelegate(provider: TracerProvider): void;
}

/**
 * Makes the API's tracers use `provider` until the program registers a provider of its own. The global provider
 * stays unset until then. Tracers that the program already holds switch to its provider too. Calls `replaced` when
 * the program registers one.
 */
export function delegateUntilRegistered(
  proxies: Iterable<Proxy>,
  provider: TracerProvider,
  replaced: () => void,
): void {
  const delegate: TracerProvider = {
    getTracer: (name, version, options) => new SwitchingTracer(provider, name, version, options),
  };
  for (const proxy of proxies) {
    proxy.setDelegate(delegate);
    // The API calls this when a provider is registered.
    const { setDelegate } = proxy;
    proxy.setDelegate = (theirs) => {
      Reflect.apply(setDelegate, proxy, [theirs]);
      replaced();
    };
  }
}

/** Uses our provider's tracer until the program registers a provider, then that provider's tracer. */
class SwitchingTracer implements Tracer {
  readonly #own: Tracer;
  readonly #args: [name: string, version?: string, options?: TracerOptions];
  #theirs: { readonly provider: TracerProvider; readonly tracer: Tracer } | undefined;

  constructor(provider: TracerProvider, name: string, version?: string, options?: TracerOptions) {
    this.#args = [name, version, options] as [string, string, TracerOptions];
    this.#own = provider.getTracer(...this.#args);
  }

  get #current(): Tracer {
    const provider = registeredGlobals().trace;
    if (provider === undefined) return this.#own;
    if (this.#theirs?.provider !== provider) {
      this.#theirs = { provider, tracer: provider.getTracer(...this.#args) };
    }
    return this.#theirs.tracer;
  }

  startSpan(...args: Parameters<Tracer['startSpan']>): ReturnType<Tracer['startSpan']> {
    return this.#current.startSpan(...args);
  }

  startActiveSpan(...args: unknown[]): never {
    const tracer = this.#current;
    return Reflect.apply(tracer.startActiveSpan, tracer, args) as never;
  }
}
