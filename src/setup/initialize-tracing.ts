import type { ReportExtras } from '../diagnostics/report/report.ts';
import { dispatch } from '../tracing/context.ts';
import { setGlobalDefault } from '../tracing/default-subscriber.ts';
import type { Deadline, Outcome } from '../tracing/layer.ts';
import { variables } from '../tracing/environment.ts';
import { Registry } from '../tracing/registry.ts';
import { installSignalHandlers } from '../tracing/signals.ts';
import { readConfig } from './config.ts';
import { addOutputs, type Outputs } from './outputs.ts';
import { type Reload, reloadOutputs } from './reload-outputs.ts';
import { Reporter, type ReportOptions, type ReportOutcome } from './reporter.ts';
import type { TracingOptions } from './tracing-options.ts';

/** What `initializeTracing` set up. */
export interface Tracing extends AsyncDisposable {
  readonly subscriber: Registry;
  /** Resolves when everything emitted so far is where it goes, or at the deadline. Never rejects. */
  flush(deadline?: Deadline): Promise<Outcome>;
  /** Ends all layers within one deadline; afterwards tracing can be initialised again. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome>;
  /** What each layer counted, by its name. */
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
  /** The same for a failure: its reason, and of a `ProvisioningError` its supporting data before the extras. */
  reportFailure(reason: unknown, extras?: ReportExtras, options?: ReportOptions): Promise<ReportOutcome>;
}

/**
 * Sets tracing up for a program on an Azure VM: the pool, OpenTelemetry if it is asked for, stderr, a log file, then
 * `layers`, as the global default. A layer that can't be set up is reported and left out. Rejects only with
 * `OptionError` and `SubscriberSetError`, and then nothing is set up.
 *
 * @example
 * ```ts
 * const tracing = await initializeTracing({ service: 'my-agent', version: '1.0.0', stderr: { filter: 'info' } });
 * info('started');
 * await tracing.reportSuccess();
 * await tracing.shutdown();
 * ```
 */
export async function initializeTracing(options?: TracingOptions): Promise<Tracing> {
  const config = readConfig(options, variables());
  const subscriber = new Registry({ onProblem: config.onProblem, redact: config.redact });
  setGlobalDefault(subscriber);
  nameFreeFunctions(config.service, subscriber);
  let outputs: Outputs;
  try {
    outputs = await addOutputs(config, subscriber);
    for (const layer of config.layers) subscriber.with(layer);
  } catch (error) {
    await subscriber.shutdown();
    throw error;
  }
  if (config.signals) subscriber.onShutdown(installSignalHandlers());
  // Its code is loaded now, not when a report must be written and no more files may be opened.
  const reporter = new Reporter(subscriber, config, outputs.kvp);
  let lastReload = Promise.resolve();
  return {
    subscriber,
    flush: (deadline) => subscriber.flush(deadline),
    shutdown: (deadline) => subscriber.shutdown(deadline),
    stats: () => subscriber.stats(),
    reload: (changes) => {
      // One after the other, because two may add the log file.
      const done = lastReload.then(() => reloadOutputs(changes, outputs, config, subscriber));
      lastReload = done.catch(() => {});
      return done;
    },
    reportSuccess: (extras, options) => reporter.success(extras, options),
    reportFailure: (reason, extras, options) => reporter.failure(reason, extras, options),
    [Symbol.asyncDispose]: async () => void (await subscriber.shutdown()),
  };
}

/** Makes the service the target of the free functions until the shutdown. */
function nameFreeFunctions(service: string, subscriber: Registry): void {
  const before = dispatch.target;
  dispatch.target = service;
  subscriber.onShutdown(() => (dispatch.target = before));
}
