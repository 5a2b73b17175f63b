import { OptionError } from '../errors.ts';
import { bridgeChildProcesses } from './bridge-child-processes.ts';
import { bridgeHttp } from './bridge-http.ts';
import { bridgeUndici } from './bridge-undici.ts';

/** Which of Node's own channels become spans. */
export interface BridgeOptions {
  /** Requests of `node:http` and `node:https`, target `http`. Default `false`. */
  http?: boolean;
  /** Requests of `fetch()` and undici, target `undici`. Default `false`. */
  undici?: boolean;
  /** Child processes that are not waited for synchronously, target `child_process`. Default `false`. */
  childProcess?: boolean;
}

/** Ends the bridge when called or disposed of; spans that are open still get their end. Idempotent. */
export type Bridge = (() => void) & Disposable;

const BRIDGES = { http: bridgeHttp, undici: bridgeUndici, childProcess: bridgeChildProcesses };

/**
 * Makes spans of the requests and child processes that Node.js publishes by `node:diagnostics_channel`. Each is a
 * child of the span that is current where it starts. Nothing is patched. What runs under OpenTelemetry's
 * `suppressTracing`, as exporters do, gets no span. Leave out what another instrumentation traces already, or its
 * spans are there twice. Throws `OptionError`.
 */
export function bridgeDiagnosticsChannels(options: BridgeOptions): Bridge {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError(
      'bridgeDiagnosticsChannels',
      options,
      'given an object of http, undici and childProcess',
    );
  }
  for (const [name, wanted] of Object.entries(options)) {
    if (!Object.hasOwn(BRIDGES, name))
      throw new OptionError('bridges', name, 'of http, undici and childProcess');
    if (wanted !== undefined && typeof wanted !== 'boolean')
      throw new OptionError(name, wanted, 'true or false');
  }
  const names = Object.keys(BRIDGES) as (keyof BridgeOptions)[];
  const ends = names.filter((name) => options[name] === true).map((name) => BRIDGES[name]());
  const stop = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return Object.assign(stop, { [Symbol.dispose]: stop });
}
