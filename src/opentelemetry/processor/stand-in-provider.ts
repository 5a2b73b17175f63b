import type { Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';
import { registeredGlobals } from '../registered-globals.ts';

/** A provider whose tracers use the one that `make` makes until the program registers a provider, and then that. */
export function standInProvider(make: () => TracerProvider): TracerProvider {
  let made: TracerProvider | undefined;
  const own = (): TracerProvider => (made ??= make());
  return { getTracer: (name, version, options) => new StandInTracer(own, name, version, options) };
}

class StandInTracer implements Tracer {
  readonly #provider: () => TracerProvider;
  readonly #args: [name: string, version?: string, options?: TracerOptions];
  #latest: { readonly provider: TracerProvider; readonly tracer: Tracer } | undefined;

  constructor(provider: () => TracerProvider, name: string, version?: string, options?: TracerOptions) {
    this.#provider = provider;
    this.#args = [name, version, options] as [string, string, TracerOptions];
  }

  get #current(): Tracer {
    const provider = registeredGlobals().trace ?? this.#provider();
    if (this.#latest?.provider !== provider) {
      this.#latest = { provider, tracer: provider.getTracer(...this.#args) };
    }
    return this.#latest.tracer;
  }

  startSpan(...args: Parameters<Tracer['startSpan']>): ReturnType<Tracer['startSpan']> {
    return this.#current.startSpan(...args);
  }

  startActiveSpan(...args: unknown[]): never {
    const tracer = this.#current;
    return Reflect.apply(tracer.startActiveSpan, tracer, args) as never;
  }
}
