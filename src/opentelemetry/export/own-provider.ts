import { ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api';
import { MissingPeerError, messageOf } from '../../errors.ts';
import { variables } from '../../tracing/environment.ts';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import { exporterNames, otlpExporter } from './exporters.ts';
import type { FlushableTracerProvider } from '../layer/layer-options.ts';
import type { OtlpExporter } from './otlp-exporter.ts';
import { EXPORT_TIMEOUT } from './otlp-settings.ts';
import type { QueueOptions } from './queue-options.ts';
import { PEERS, type Peers, unlessMissing } from '../peers.ts';
import { registerPropagator } from '../propagation/propagator.ts';
import { resourceAttributes, type Service } from './resource.ts';
import { settingOf } from '../setting.ts';
import { registered, registeredGlobals } from '../registered-globals.ts';
import { batchLimits, providerSettings } from './sdk-settings.ts';
import { SpanCounts } from './span-counts.ts';
import { installCommand } from '../install-command.ts';
import type { Resource, Sdk } from '../sdk.ts';
import type { Exporter, Processor } from '../sdk-shapes.ts';
import { clearTimeout, setTimeout, TIMER_MAX } from '../../tracing/timers.ts';

export interface ProviderOptions extends Service {
  /** Exports spans in batches. Default: the exporters that `OTEL_TRACES_EXPORTER` names, by default `otlp`. */
  exporter?: Exporter | undefined;
  /** Processors of the provider, in place of the default exporter's. Default: none. */
  spanProcessors?: readonly Processor[] | undefined;
  /** Limits of the queue of the `otlp` exporter. */
  queue?: QueueOptions | undefined;
  /** Is called for each environment variable that is ignored. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

/** The provider of `createProvider`. */
export interface OwnProvider extends FlushableTracerProvider {
  /** Whether it is registered as the global provider. */
  readonly isGlobal: boolean;
  forceFlush(options?: { timeoutMillis?: number }): Promise<void>;
  /** Exports what is left, and unregisters the provider. */
  shutdown(options?: { timeoutMillis?: number }): Promise<void>;
  /** How many ended spans are not exported yet, and the error that delays them. */
  waiting(): { spans: number; reason: string | undefined };
  /** How many ended spans are lost. */
  lost(): number;
}

type SdkProvider = ReturnType<Sdk['provider']>;

/**
 * Creates a provider of OpenTelemetry's SDK, configured by the options and by `OTEL_*`. Registers it if there is no
 * global provider. Resolves to `undefined` if `OTEL_SDK_DISABLED` is `true`. Rejects with `MissingPeerError` if a
 * package is not installed, with `OptionError` for an unsupported value of a variable.
 */
export async function createProvider(
  options: ProviderOptions = {},
  env: NodeJS.ProcessEnv = variables(),
  peers: Peers = PEERS,
): Promise<OwnProvider | undefined> {
  if (settingOf(env, 'OTEL_SDK_DISABLED') === 'true') return undefined;
  const sdk = await peers.sdk().catch((error: unknown) => {
    unlessMissing(error);
    throw new MissingPeerError('@opentelemetry/sdk-trace', error, installCommand('both'));
  });
  const onProblem = guardedHandler(options.onProblem);
  const settings = providerSettings(sdk, env, onProblem);
  const exports: Exports = { counts: [], exporters: [] };
  const counted = (spanCounts: SpanCounts, processor: Processor): Processor => {
    exports.counts.push(spanCounts);
    return spanCounts.processor(processor);
  };
  const batched = (exporter: Exporter): Processor => sdk.batch(exporter, batchLimits(env, onProblem));
  const spanProcessors = [...(options.spanProcessors ?? [])];
  if (options.exporter !== undefined) {
    const spanCounts = new SpanCounts();
    spanProcessors.push(counted(spanCounts, batched(spanCounts.exporter(options.exporter))));
  } else if (options.spanProcessors === undefined) {
    for (const name of exporterNames(env)) {
      const spanCounts = new SpanCounts();
      if (name === 'console') {
        const exporter = spanCounts.exporter(new sdk.ConsoleSpanExporter());
        spanProcessors.push(counted(spanCounts, sdk.simple(exporter)));
      } else {
        const exporter = await otlpExporter(env, spanCounts, options.queue, peers);
        exports.exporters.push(exporter);
        spanProcessors.push(counted(spanCounts, batched(exporter)));
      }
    }
  }
  const resource = defaultResource(sdk).merge(resourceOf(resourceAttributes(options, env, onProblem)));
  const forgetPropagator = await registerPropagator(env, peers, onProblem);
  try {
    return own(sdk.provider({ ...settings, resource, spanProcessors }), exports, forgetPropagator);
  } catch (error) {
    forgetPropagator();
    throw error;
  }
}

/** What a provider exports with. */
interface Exports {
  readonly counts: SpanCounts[];
  readonly exporters: OtlpExporter[];
}

function own(provider: SdkProvider, exports: Exports, forgetPropagator: () => void): OwnProvider {
  const { counts, exporters } = exports;
  let isOver = false;
  const made = {
    isGlobal: false,
    // Where `register` looks for the processors of a provider.
    _activeSpanProcessor: (provider as unknown as { _activeSpanProcessor?: unknown })._activeSpanProcessor,
    getTracer: (name: string, version?: string, options?: { schemaUrl?: string }): Tracer =>
      provider.getTracer(name, version, options),
    forceFlush: async (options?: { timeoutMillis?: number }) => {
      await provider.forceFlush(options);
      await Promise.all(exporters.map((exporter) => exporter.forceFlush()));
    },
    shutdown: async ({ timeoutMillis = EXPORT_TIMEOUT }: { timeoutMillis?: number } = {}) => {
      // From now on a span that is not exported counts as lost.
      isOver = true;
      if (globalProvider() === made) trace.disable();
      made.isGlobal = false;
      forgetPropagator();
      const close = () => {
        for (const exporter of exporters) exporter.close();
      };
      const timer = setTimeout(close, Math.min(timeoutMillis, TIMER_MAX));
      timer.unref();
      try {
        await provider.shutdown();
      } finally {
        clearTimeout(timer);
        close();
      }
    },
    waiting: () => {
      const spans = counts.reduce((sum, spanCounts) => sum + spanCounts.waiting, 0);
      const obstacle = exporters.find((exporter) => exporter.obstacle !== undefined)?.obstacle;
      return { spans, reason: obstacle === undefined ? undefined : messageOf(obstacle) };
    },
    lost: () => counts.reduce((sum, spanCounts) => sum + spanCounts.lost(isOver), 0),
  };
  // Checked first, because OpenTelemetry logs an error at a second registration.
  if (globalProvider() === undefined) made.isGlobal = registered(() => trace.setGlobalTracerProvider(made));
  return made;
}

/** The registered provider, without the API's proxy. */
function globalProvider(): unknown {
  const registered = registeredGlobals().trace as { getDelegate?(): unknown } | undefined;
  return typeof registered?.getDelegate === 'function' ? registered.getDelegate() : registered;
}

/** The SDK's default resource, read from one of its spans: the function for it is in another package. */
function defaultResource(sdk: Sdk): Resource {
  const provider = sdk.provider({ sampler: new sdk.AlwaysOnSampler(), spanProcessors: [] });
  const span: object = provider.getTracer('').startSpan('', {}, ROOT_CONTEXT);
  return (span as { resource: Resource }).resource;
}

/** The part of a resource that `merge` of another resource uses. */
function resourceOf(attributes: Record<string, string>): Resource {
  return {
    attributes,
    getRawAttributes: () => Object.entries(attributes),
    merge: (other) => other as Resource,
  };
}
