import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';
import { registeredGlobals } from '../registered-globals.ts';

/** The proxy that OpenTelemetry's API has in front of the global provider. */
export interface Proxy extends TracerProvider {
  setDelegate(provider: TracerProvider): void;
}

/**
 * Has tracers of the API be those of `provider` for as long as the program registers none of its own: the global
 * place stays free. Tracers that were handed out before turn to the program's provider as well. Calls `replaced`
 * when it registers one.
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
    // How the API hands a registered provider on.
    const { setDelegate } = proxy;
    proxy.setDelegate = (theirs) => {
      Reflect.apply(setDelegate, proxy, [theirs]);
      replaced();
    };
  }
}

/** A tracer of the program's provider once there is one, until then of ours. */
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
