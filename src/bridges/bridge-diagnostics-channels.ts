import { OptionError } from '../errors.ts';
import { bridgeChildProcesses } from './child-process.ts';
import { bridgeHttp } from './http.ts';
import { bridgeUndici } from './undici.ts';

/** Which of Node's own channels are heard. */
export interface BridgeOptions {
  /** Requests of `node:http` and `node:https`, target `http`. Default `false`. */
  http?: boolean;
  /** Requests of `fetch()` and undici, target `undici`. Default `false`. */
  undici?: boolean;
  /** Child processes that are not waited for synchronously, target `child_process`. Default `false`. */
  childProcess?: boolean;
}

/** Ends what it was returned for when called or disposed of; what is under way still gets its end. Idempotent. */
export type Bridge = (() => void) & Disposable;

const BRIDGES = { http: bridgeHttp, undici: bridgeUndici, childProcess: bridgeChildProcesses };

/**
 * Makes spans of what Node.js itself tells by `node:diagnostics_channel`, in the current span where it starts, so
 * that requests and child processes reach all layers. Nothing is patched. What runs under OpenTelemetry's
 * `suppressTracing`, as exporters do, makes no span. Not for what another instrumentation traces already: it would
 * be there twice. Throws `OptionError`.
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
