import { MissingPeerError, OptionError } from '../errors.ts';
import type { Exporter } from './tally.ts';

/** Loads the optional packages; literal specifiers, so that bundlers see them. */
export const PEERS = {
  sdk: () => import('@opentelemetry/sdk-trace-base'),
  core: () => import('@opentelemetry/core'),
  proto: () => import('@opentelemetry/exporter-trace-otlp-proto'),
  http: () => import('@opentelemetry/exporter-trace-otlp-http'),
};

export type Peers = typeof PEERS;

/** What `OTEL_TRACES_EXPORTER` may name. */
export type ExporterName = 'otlp' | 'console';

/** How long one export may take, in milliseconds, unless the environment says: what a shutdown waits. */
export const EXPORT_TIMEOUT = 5000;

/** The exporters that `OTEL_TRACES_EXPORTER` asks for, by default `otlp`. Throws `OptionError` for others. */
export function exporterNames(env: NodeJS.ProcessEnv): ExporterName[] {
  const given = settingOf(env, 'OTEL_TRACES_EXPORTER') ?? 'otlp';
  const names = given.split(',').map((name) => name.trim());
  if (names.includes('none')) return [];
  for (const name of names) {
    if (name !== 'otlp' && name !== 'console') {
      throw new OptionError('OTEL_TRACES_EXPORTER', given, 'otlp, console or none');
    }
  }
  return [...new Set(names as ExporterName[])];
}

/** The OTLP exporter of the protocol that the environment names, by default protobuf, else JSON where only that is installed. */
export async function otlpExporter(env: NodeJS.ProcessEnv, peers: Peers): Promise<Exporter> {
  // What the exporter is given wins over its variables.
  const timed =
    settingOf(env, 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT') ?? settingOf(env, 'OTEL_EXPORTER_OTLP_TIMEOUT');
  const config = timed === undefined ? { timeoutMillis: EXPORT_TIMEOUT } : {};
  const protocol = protocolOf(env);
  if (protocol !== 'http/json') {
    const proto = await peers.proto().catch(unlessMissing);
    if (proto !== undefined) return new proto.OTLPTraceExporter(config);
  }
  const http = await peers.http().catch((error: unknown) => {
    const kind = protocol === 'http/json' ? 'http' : 'proto';
    unlessMissing(error);
    throw new MissingPeerError(`@opentelemetry/exporter-trace-otlp-${kind}`, error);
  });
  return new http.OTLPTraceExporter(config);
}

function protocolOf(env: NodeJS.ProcessEnv): string | undefined {
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = settingOf(env, name);
    if (protocol === undefined) continue;
    if (protocol === 'http/protobuf' || protocol === 'http/json') return protocol;
    throw new OptionError(name, protocol, 'http/protobuf or http/json');
  }
  return undefined;
}

/** Swallows that a package is not installed; any other failure to load it goes on. */
export function unlessMissing(error: unknown): undefined {
  const { code } = error as { code?: unknown };
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
}

/** A variable's text, trimmed, in lower case; `undefined` if it is empty. */
export function settingOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim().toLowerCase() || undefined;
}
