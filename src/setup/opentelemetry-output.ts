import type { OwnProvider, ProviderOptions } from '../opentelemetry/export/own-provider.ts';
import type { OpenTelemetryLayer } from '../opentelemetry/layer/opentelemetry-layer.ts';
import type { Environment } from '../opentelemetry/propagation/process-environment.ts';
import { registeredGlobals } from '../opentelemetry/registered-globals.ts';
import { readVmId } from '../diagnostics/vm-id.ts';
import type { Registry } from '../tracing/registry.ts';
import type { Config, OpenTelemetryConfig } from './config.ts';
import { LeftOut, reportLeftOut } from './left-out.ts';

/** OpenTelemetry's layer, with a provider of its own if spans are to be exported by one. */
export async function openTelemetryOutput(
  { layer, provider, environmentContext }: OpenTelemetryConfig,
  config: Config,
  subscriber: Registry,
): Promise<OpenTelemetryLayer> {
  const { OpenTelemetryLayer } = await import('../opentelemetry/layer/opentelemetry-layer.ts');
  const environment = await environmentOf(config, environmentContext);
  if (environment !== undefined) subscriber.onShutdown(() => environment.release());
  const own = provider && needsOwn(provider) ? await ownProvider(config, provider, subscriber) : undefined;
  try {
    const output = new OpenTelemetryLayer({
      ...layer,
      ...(own && { provider: own }),
      ...(environment && { environment }),
    });
    exportAtExit(output, subscriber);
    return output;
  } catch (error) {
    await own?.shutdown();
    throw error;
  }
}

/** A provider that the program registered serves, unless the options say where our spans go. */
function needsOwn({ exporter, spanProcessors }: ProviderOptions): boolean {
  return exporter !== undefined || spanProcessors !== undefined || registeredGlobals().trace === undefined;
}

async function environmentOf({ onProblem }: Config, inherits: boolean): Promise<Environment | undefined> {
  try {
    const { processEnvironment } = await import('../opentelemetry/propagation/process-environment.ts');
    return await processEnvironment({ inherits, onProblem });
  } catch (error) {
    reportLeftOut(onProblem, 'the context of the environment', error);
    return undefined;
  }
}

/** Without the packages to export with, spans are still made, so that their context propagates. */
async function ownProvider(
  config: Config,
  options: ProviderOptions,
  subscriber: Registry,
): Promise<OwnProvider | undefined> {
  try {
    const { createProvider } = await import('../opentelemetry/export/own-provider.ts');
    return await createProvider({ ...options, vmId: vmIdOf(config) });
  } catch (error) {
    const problem = reportLeftOut(config.onProblem, 'the export of spans', error);
    subscriber.with(new LeftOut('OpenTelemetryExport', problem));
    return undefined;
  }
}

/** The id of the VM that spans are from, if it is known. Only the pool reports that it is not. */
function vmIdOf({ kvp }: Config): string | undefined {
  if (kvp !== false && kvp.vmId !== undefined) return kvp.vmId;
  try {
    return readVmId();
  } catch {
    // Not root, or no VM.
    return undefined;
  }
}

/**
 * Without a shutdown, spans are exported when the event loop has nothing left to do; at any other exit a problem
 * says how many are lost.
 */
function exportAtExit(output: OpenTelemetryLayer, subscriber: Registry): void {
  const flush = () => void output.flush();
  const say = () => output.sayLost();
  process.once('beforeExit', flush);
  process.once('exit', say);
  subscriber.onShutdown(() => {
    process.off('beforeExit', flush);
    process.off('exit', say);
  });
}
