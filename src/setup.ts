import { asksForExport, type Config, joinsOpenTelemetry, readConfig, type TracingOptions } from './config.ts';
import { LayerError, messageOf } from './errors.ts';
import { EmitKVPLayer } from './layers/kvp.ts';
import { StderrLayer } from './layers/stderr.ts';
import type { OwnProvider, ProviderOptions } from './opentelemetry/provider.ts';
import { dispatch } from './tracing/context.ts';
import { setGlobalDefault } from './tracing/dispatch.ts';
import type { Deadline, Layer, Outcome } from './tracing/layer.ts';
import { Registry } from './tracing/registry.ts';
import { installSignalHandlers } from './tracing/signals.ts';

/** What `initializeTracing` set up. */
export interface Tracing extends AsyncDisposable {
  readonly subscriber: Registry;
  /** Resolves when everything emitted so far is where it goes, or at the deadline. Never rejects. */
  flush(deadline?: Deadline): Promise<Outcome>;
  /** Ends all layers within one deadline; afterwards tracing can be initialised again. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome>;
  /** What each layer says of itself. */
  stats(): Record<string, unknown>;
}

/**
 * Sets tracing up for a program on an Azure VM: the pool, OpenTelemetry if it is asked for, stderr, then
 * `layers`, as the global default. A layer that can't be set up is reported and left out. Rejects only with
 * `OptionError` and `SubscriberSetError`.
 */
export async function initializeTracing(options: TracingOptions = {}): Promise<Tracing> {
  const config = readConfig(options, process.env);
  const subscriber = new Registry({ onProblem: config.onProblem });
  setGlobalDefault(subscriber);
  dispatch.target = config.service;
  const { kvp, stderr } = config;
  if (kvp !== false) subscriber.with(attempt(config, 'kvp', () => new EmitKVPLayer(kvp)));
  if (joinsOpenTelemetry(options.opentelemetry, process.env)) {
    const layer = await openTelemetryLayer(config, asksForExport(options.opentelemetry, process.env));
    subscriber.with(layer);
    if (layer !== undefined) flushAtNaturalEnd(subscriber, layer);
  }
  if (stderr !== false) subscriber.with(attempt(config, 'stderr', () => new StderrLayer(stderr)));
  for (const layer of config.layers) subscriber.with(layer);
  if (config.signals) subscriber.onShutdown(installSignalHandlers());
  return {
    subscriber,
    flush: (deadline) => subscriber.flush(deadline),
    shutdown: (deadline) => subscriber.shutdown(deadline),
    stats: () => subscriber.stats(),
    [Symbol.asyncDispose]: async () => void (await subscriber.shutdown()),
  };
}

/** The layer, with a provider of its own if it `exports`. */
async function openTelemetryLayer(config: Config, exports: boolean): Promise<Layer | undefined> {
  const { opentelemetry, onProblem, service, version } = config;
  if (opentelemetry === false) return undefined;
  const { exporter, spanProcessors, ...rest } = opentelemetry;
  try {
    const { OpenTelemetryLayer } = await import('./opentelemetry/index.ts');
    const own = exports
      ? await ownProvider(config, { service, version, exporter, spanProcessors })
      : undefined;
    return new OpenTelemetryLayer({ ...rest, ...(own && { provider: own }), onProblem });
  } catch (error) {
    report(config, 'opentelemetry', error);
    return undefined;
  }
}

/** Without the packages to export with, spans are still made, so that their context propagates. */
async function ownProvider(
  config: Config,
  options: { [Name in keyof ProviderOptions]: ProviderOptions[Name] | undefined },
): Promise<OwnProvider | undefined> {
  try {
    const { createProvider } = await import('./opentelemetry/provider.ts');
    return await createProvider(withoutUndefined(options) as ProviderOptions);
  } catch (error) {
    report(config, 'the export of spans', error);
    return undefined;
  }
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** A program that just ends, without a shutdown, exports its spans; the pool and files have hooks of their own. */
function flushAtNaturalEnd(subscriber: Registry, layer: Layer): void {
  const flush = () => void layer.flush?.();
  process.once('beforeExit', flush);
  subscriber.onShutdown(() => process.off('beforeExit', flush));
}

function attempt(config: Config, name: string, make: () => Layer): Layer | undefined {
  try {
    return make();
  } catch (error) {
    report(config, name, error);
    return undefined;
  }
}

function report(config: Config, name: string, error: unknown): void {
  const problem = error instanceof Error ? error : new LayerError(messageOf(error), error);
  problem.message = `${name} is left out: ${problem.message}`;
  config.onProblem(problem);
}
