import { booleanOption, type Checks, objectOption, readOptions } from '../option.ts';
import { bridgeChildProcesses } from './bridge-child-processes.ts';
import { bridgeHttpServer } from './bridge-http-server.ts';
import { bridgeHttp } from './bridge-http.ts';
import { bridgeUndici } from './bridge-undici.ts';
import { type Carries, carriesContext, type Propagate, propagateOption } from './propagate.ts';

/** Which of Node's own channels become spans. */
export interface BridgeOptions {
  /** Requests of `node:http` and `node:https`, target `http`. Default `false`. */
  http?: boolean | undefined;
  /** Requests that servers of `node:http` and `node:https` get, target `http.server`. Default `false`. */
  httpServer?: boolean | undefined;
  /** Requests of `fetch()` and undici, target `undici`. Default `false`. */
  undici?: boolean | undefined;
  /** Child processes that are not waited for synchronously, target `child_process`. Default `false`. */
  childProcess?: boolean | undefined;
  /**
   * Whether requests of clients carry `traceparent`, `tracestate` and `baggage`, and child processes the environment;
   * a list limits requests to hosts: `'host'`, `'host:port'` or `'*.domain'`. Default `true`.
   */
  propagate?: Propagate | undefined;
}

/** Ends the bridge when called or disposed of; spans that are open still get their end. Idempotent. */
export type Bridge = (() => void) & Disposable;

const OPTIONS: Checks<BridgeOptions> = {
  http: booleanOption,
  httpServer: booleanOption,
  undici: booleanOption,
  childProcess: booleanOption,
  propagate: propagateOption,
};

/** Each is given which requests carry the context, and whether any do; it returns how to end it. */
const BRIDGES: Record<
  Exclude<keyof BridgeOptions, 'propagate'>,
  (carries: Carries, propagates: boolean) => () => void
> = {
  http: bridgeHttp,
  httpServer: bridgeHttpServer,
  undici: bridgeUndici,
  childProcess: (_, propagates) => bridgeChildProcesses(propagates),
};

/**
 * Makes spans of the requests and child processes that Node.js publishes by `node:diagnostics_channel`. Each is a
 * child of the span that is current where it starts, a server's of the caller's span. Context goes along with requests
 * and to child processes, as far as an `OpenTelemetryLayer` is there and Node.js lets it. Nothing is patched. What runs under OpenTelemetry's
 * `suppressTracing`, as exporters do, gets no span. Leave out what another instrumentation traces already, or its
 * spans are there twice. Throws `OptionError`.
 *
 * @example
 * ```ts
 * using bridge = bridgeDiagnosticsChannels({ httpServer: true, undici: true, propagate: ['*.example.com'] });
 * ```
 */
export function bridgeDiagnosticsChannels(options: BridgeOptions): Bridge {
  // Without options nothing would be bridged.
  const wanted = readOptions(OPTIONS, objectOption('options', options));
  const { propagate } = wanted;
  const carries = carriesContext(propagate);
  const names = Object.keys(BRIDGES) as (keyof typeof BRIDGES)[];
  const ends = names
    .filter((name) => wanted[name] === true)
    .map((name) => BRIDGES[name](carries, propagate !== false));
  const stop = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return Object.assign(stop, { [Symbol.dispose]: stop });
}
