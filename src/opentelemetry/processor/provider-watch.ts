import type { Tracer, TracerProvider } from '@opentelemetry/api';
import { API } from '../registered-globals.ts';

type TracerArgs = Parameters<TracerProvider['getTracer']>;

/** The proxy through which a copy of OpenTelemetry's API reaches the global provider. */
export interface Proxy extends TracerProvider {
  setDelegate(provider: TracerProvider): void;
  getDelegateTracer?(...args: TracerArgs): Tracer | undefined;
}

/** Is told of a provider that is registered, and of the proxy that hands out its tracers, if there is one. */
export type OnProvider = (provider: TracerProvider, proxy: Proxy | undefined) => void;

/**
 * Calls `registered` for each provider that is registered from now on, by whatever copy of the API. `proxies` are those
 * of the copies that are known. The global place is left as it is.
 */
export function watchProviders(proxies: Iterable<Proxy>, registered: OnProvider): void {
  const watched = new WeakSet<Proxy>();
  const watch = (proxy: Proxy): void => {
    if (watched.has(proxy)) return;
    watched.add(proxy);
    const { setDelegate } = proxy;
    proxy.setDelegate = (provider) => {
      Reflect.apply(setDelegate, proxy, [provider]);
      registered(provider, proxy);
    };
  };
  for (const proxy of proxies) watch(proxy);
  const globals = (globalThis as { [API]?: object })[API];
  if (globals === undefined) return;
  // Any copy of the API puts its proxy here before it gives it the provider, and deletes the property to unregister.
  const place = {
    get: () => undefined,
    set(this: object, value: Proxy) {
      Object.defineProperty(this, 'trace', { value, writable: true, enumerable: true, configurable: true });
      if (typeof value?.setDelegate === 'function') watch(value);
      else registered(value, undefined);
    },
    configurable: true,
  };
  Reflect.setPrototypeOf(globals, Object.create(Object.prototype, { trace: place }) as object);
}

/** The provider behind proxies. */
export function behindProxies(provider: TracerProvider): TracerProvider {
  let found = provider;
  // Bounded, because a proxy may be its own delegate.
  for (let depth = 0; depth < 8; depth++) {
    const { getDelegate } = found as { getDelegate?: unknown };
    if (typeof getDelegate !== 'function') return found;
    found = Reflect.apply(getDelegate, found, []) as TracerProvider;
  }
  return found;
}
