import { booleanOption, type Checks, objectOption, readOptions } from '../option.ts';
import { bridgeChildProcesses } from './bridge-child-processes.ts';
import { bridgeHttp } from './bridge-http.ts';
import { bridgeUndici } from './bridge-undici.ts';

/** Which of Node's own channels become spans. */
export interface BridgeOptions {
  /** Requests of `node:http` and `node:https`, target `http`. Default `false`. */
  http?: boolean | undefined;
  /** Requests of `fetch()` and undici, target `undici`. Default `false`. */
  undici?: boolean | undefined;
  /** Child processes that are not waited for synchronously, target `child_process`. Default `false`. */
  childProcess?: boolean | undefined;
}

/** Ends the bridge when called or disposed of; spans that are open still get their end. Idempotent. */
export type Bridge = (() => void) & Disposable;

const OPTIONS: Checks<BridgeOptions> = {
  http: booleanOption,
  undici: booleanOption,
  childProcess: booleanOption,
};
const BRIDGES = { http: bridgeHttp, undici: bridgeUndici, childProcess: bridgeChildProcesses };

/**
 * Makes spans of the requests and child processes that Node.js publishes by `node:diagnostics_channel`. Each is a
 * child of the span that is current where it starts. Nothing is patched. What runs under OpenTelemetry's
 * `suppressTracing`, as exporters do, gets no span. Leave out what another instrumentation traces already, or its
 * spans are there twice. Throws `OptionError`.
 */
export function bridgeDiagnosticsChannels(options: BridgeOptions): Bridge {
  // Without options nothing would be bridged.
  const wanted = readOptions(OPTIONS, objectOption('options', options));
  const names = Object.keys(BRIDGES) as (keyof BridgeOptions)[];
  const ends = names.filter((name) => wanted[name] === true).map((name) => BRIDGES[name]());
  const stop = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return Object.assign(stop, { [Symbol.dispose]: stop });
}
