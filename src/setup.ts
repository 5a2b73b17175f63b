import {
  asksForExport,
  type Config,
  type FileOptions,
  joinsOpenTelemetry,
  type LinesOptions,
  readConfig,
  readFile,
  sectionOf,
  type TracingOptions,
} from './config.ts';
import { ClosedError, LayerError, messageOf, OptionError } from './errors.ts';
import type { ReportExtras } from './diagnostics/report/report.ts';
import { EmitKVPLayer } from './layers/emit-kvp-layer.ts';
import { StderrLayer } from './layers/stderr-layer.ts';
import type { Environment } from './opentelemetry/propagation/process-environment.ts';
import type { OpenTelemetryLayer } from './opentelemetry/layer/opentelemetry-layer.ts';
import type { OwnProvider, ProviderOptions } from './opentelemetry/export/own-provider.ts';
import { readVmId } from './pool/vm-id.ts';
import { Reporter, type ReportOptions, type ReportOutcome } from './reporter.ts';
import { dispatch } from './tracing/context.ts';
import { setGlobalDefault } from './tracing/dispatch.ts';
import { type FilterInput, filterOf } from './tracing/filter.ts';
import type { BaseLayer, Deadline, Layer, Outcome } from './tracing/layer.ts';
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
  /**
   * Changes filters while spans are open, and adds the log file, once the program has read its configuration. A
   * filter that the environment sets stays; an output that is not there is passed over. Rejects with `OptionError`,
   * the error of opening the file, or `ClosedError`, and then nothing is changed.
   */
  reload(changes: Reload): Promise<void>;
  /**
   * Tells the host that provisioning succeeded, by the pool's record `PROVISIONING_REPORT`: first everything emitted
   * so far goes to the pool, then the report. Extras named `pps_type`, `vm_id`, `agent` and `documentation_url` set
   * those fields; `replace: true`, there or among the options, replaces another program's report. Resolves within
   * two seconds, also where it could not be written. Never rejects.
   */
  reportSuccess(extras?: ReportExtras, options?: ReportOptions): Promise<ReportOutcome>;
  /** The same for a failure: why, and of a `ProvisioningError` its supporting data before the extras. */
  reportFailure(
    reason: string | Error,
    extras?: ReportExtras,
    options?: ReportOptions,
  ): Promise<ReportOutcome>;
}

/** What `Tracing.reload` changes; what is not named stays. */
export interface Reload {
  kvp?: FilterInput;
  opentelemetry?: FilterInput;
  stderr?: FilterInput;
  /** The log file that there is not yet: its path, or options with a `path`; else a filter for that which there is. */
  file?: string | Partial<FileOptions>;
}

/**
 * Sets tracing up for a program on an Azure VM: the pool, OpenTelemetry if it is asked for, stderr, then
 * `layers`, as the global default. A layer that can't be set up is reported and left out. Rejects only with
 * `OptionError` and `SubscriberSetError`.
 */
export async function initializeTracing(options: TracingOptions = {}): Promise<Tracing> {
  const config = readConfig(options, process.env);
  const subscriber = new Registry({ onProblem: config.onProblem, redact: config.redact });
  setGlobalDefault(subscriber);
  dispatch.target = config.service;
  const outputs: Outputs = {};
  let last = Promise.resolve();
  const add: Add = async (name, make) => {
    try {
      outputs[name] = await make();
      subscriber.with(outputs[name]);
    } catch (error) {
      if (error instanceof OptionError) throw error.within(name);
      report(config, name, error);
    }
  };
  try {
    const { kvp, stderr, file } = config;
    if (kvp !== false) await add('kvp', () => new EmitKVPLayer(kvp));
    if (joinsOpenTelemetry(options.opentelemetry, process.env)) {
      await add('opentelemetry', () =>
        openTelemetryLayer(config, asksForExport(options.opentelemetry, process.env), subscriber),
      );
      if (outputs.opentelemetry !== undefined) atEnd(subscriber, outputs.opentelemetry as OpenTelemetryLayer);
    }
    if (stderr !== false) await add('stderr', () => lineLayer(stderr));
    if (file !== undefined) await add('file', () => lineLayer(file));
    for (const layer of config.layers) subscriber.with(layer);
  } catch (error) {
    // Whoever mends the options may try again.
    await subscriber.shutdown();
    throw error;
  }
  if (config.signals) subscriber.onShutdown(installSignalHandlers());
  const reporter = new Reporter(subscriber, config, outputs.kvp as EmitKVPLayer | undefined);
  return {
    subscriber,
    flush: (deadline) => subscriber.flush(deadline),
    shutdown: (deadline) => subscriber.shutdown(deadline),
    stats: () => subscriber.stats(),
    reload: (changes) => {
      // One after the other: two may add the same file.
      const done = last.then(() => reload(changes, config, outputs, subscriber));
      last = done.catch(() => {});
      return done;
    },
    reportSuccess: (extras, options) => reporter.success(extras, options),
    reportFailure: (reason, extras, options) => reporter.failure(reason, extras, options),
    [Symbol.asyncDispose]: async () => void (await subscriber.shutdown()),
  };
}

/** The layers whose filters can be changed later. */
type Outputs = { [Name in keyof Reload]: (BaseLayer & Layer) | undefined };
/** Adds one of them, or reports why it is left out. */
type Add = (
  name: keyof Outputs,
  make: () => (BaseLayer & Layer) | Promise<BaseLayer & Layer>,
) => Promise<void>;

async function reload(
  changes: Reload,
  config: Config,
  outputs: Outputs,
  subscriber: Registry,
): Promise<void> {
  if (subscriber.isShutDown) throw new ClosedError('ERR_KVP_CLOSED', 'tracing was shut down');
  const { forced, onProblem } = config;
  const { file = {}, ...others } = sectionOf('changes', changes) || {};
  const { path, filter, ...options } =
    typeof file === 'string' ? { path: file } : sectionOf('file', file) || {};
  if (outputs.file !== undefined && path !== undefined) {
    throw new OptionError('file.path', path, 'left out: there is a log file already');
  }
  const given: Partial<Record<keyof Outputs, FilterInput | undefined>> = { ...others, file: filter };
  const filters = Object.entries(given).map(([name, filter]) => {
    if (!isOutput(name)) throw new OptionError('changes', name, 'of kvp, opentelemetry, stderr and file');
    const checked =
      filter === undefined ? undefined : filterOf(filter, name === 'file' ? 'file.filter' : name);
    const isForced = (name === 'kvp' ? forced.kvp : forced.log) !== undefined;
    return [outputs[name], isForced ? undefined : checked] as const;
  });
  if (outputs.file === undefined && (path !== undefined || filter !== undefined)) {
    // Made first: a wrong option changes nothing.
    const added = readFile(
      { path: path as string, ...(filter !== undefined && { filter }), ...options },
      forced.log,
    );
    outputs.file = await lineLayer({ onProblem, ...added });
    subscriber.with(outputs.file);
  }
  for (const [layer, filter] of filters) if (filter !== undefined) layer?.withFilter(filter);
}

function isOutput(name: string): name is keyof Outputs {
  return ['kvp', 'opentelemetry', 'stderr', 'file'].includes(name);
}

/** JSON is written by pino, which is loaded only then. */
async function lineLayer({ format, ...options }: LinesOptions): Promise<BaseLayer & Layer> {
  if (format === 'json') return new (await import('./pino/index.ts')).JsonLayer(options);
  return new StderrLayer({ ...options, ...(format !== undefined && { format }) });
}

/** The layer, with a provider of its own if it `exports`. */
async function openTelemetryLayer(
  config: Config,
  exports: boolean,
  subscriber: Registry,
): Promise<OpenTelemetryLayer> {
  const { opentelemetry, onProblem, service, version } = config;
  const { exporter, spanProcessors, queue, environmentContext, ...rest } = opentelemetry || {};
  const { OpenTelemetryLayer } = await import('./opentelemetry/layer/opentelemetry-layer.ts');
  const { registeredProvider } = await import('./opentelemetry/registered-provider.ts');
  const environment = await environmentOf(config, environmentContext !== false);
  if (environment !== undefined) subscriber.onShutdown(() => environment.release());
  const options = { service, version, exporter, spanProcessors, queue, onProblem, vmId: vmOf(config) };
  // What the program set up serves, unless it also says where our spans go.
  const isOwn = exporter !== undefined || spanProcessors !== undefined || registeredProvider() === undefined;
  const own = exports && isOwn ? await ownProvider(config, options) : undefined;
  return new OpenTelemetryLayer({
    ...rest,
    ...(own && { provider: own }),
    ...(environment && { environment }),
    onProblem,
  });
}

async function environmentOf(config: Config, inherits: boolean): Promise<Environment | undefined> {
  try {
    const { processEnvironment } = await import('./opentelemetry/propagation/process-environment.ts');
    return await processEnvironment({ inherits, onProblem: config.onProblem });
  } catch (error) {
    report(config, 'the context of the environment', error);
    return undefined;
  }
}

/** The VM that spans are from, as far as is known; nothing is reported, that is up to the pool. */
function vmOf({ kvp }: Config): string | undefined {
  if (kvp !== false && kvp.vmId !== undefined) return kvp.vmId;
  try {
    return readVmId();
  } catch {
    // Not root, or no VM.
    return undefined;
  }
}

/** Without the packages to export with, spans are still made, so that their context propagates. */
async function ownProvider(
  config: Config,
  options: { [Name in keyof ProviderOptions]: ProviderOptions[Name] | undefined },
): Promise<OwnProvider | undefined> {
  try {
    const { createProvider } = await import('./opentelemetry/export/own-provider.ts');
    return await createProvider(withoutUndefined(options) as ProviderOptions);
  } catch (error) {
    report(config, 'the export of spans', error);
    return undefined;
  }
}

function withoutUndefined(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/**
 * A program that just ends, without a shutdown, exports its spans, at any other exit it is told what is lost;
 * the pool and files have hooks of their own.
 */
function atEnd(subscriber: Registry, layer: OpenTelemetryLayer): void {
  const flush = () => void layer.flush();
  const say = () => layer.sayLost();
  process.once('beforeExit', flush);
  process.once('exit', say);
  subscriber.onShutdown(() => {
    process.off('beforeExit', flush);
    process.off('exit', say);
  });
}

function report(config: Config, name: string, error: unknown): void {
  const problem = error instanceof Error ? error : new LayerError(messageOf(error), error);
  problem.message = `${name} is left out: ${problem.message}`;
  config.onProblem(problem);
}
