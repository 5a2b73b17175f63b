import { ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api';
import { MissingPeerError, messageOf, OptionError } from '../../errors.ts';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';
import { TIMER_MAX } from '../../tracing/timer-max.ts';
import { exporterNames, otlpExporter } from './exporters.ts';
import type { FlushableTracerProvider } from '../layer/opentelemetry-layer.ts';
import type { OtlpExporter } from './otlp-exporter.ts';
import { EXPORT_TIMEOUT } from './otlp-settings.ts';
import type { QueueOptions } from './outbox.ts';
import { PEERS, type Peers, unlessMissing } from '../peers.ts';
import { registerPropagator } from '../propagation/propagator.ts';
import { resourceAttributes, type Service } from './resource.ts';
import { settingOf } from '../setting.ts';
import { registeredGlobals } from '../registered-globals.ts';
import { type Exporter, type Processor, SpanCounts } from './span-counts.ts';
import { clearTimeout, setTimeout } from '../../tracing/timers.ts';

export interface ProviderOptions extends Service {
  /** Where spans go, in batches. Default: what `OTEL_TRACES_EXPORTER` names, `otlp`. */
  exporter?: Exporter | undefined;
  /** What is done with spans; takes the place of the default exporter. Default: none. */
  spanProcessors?: readonly Processor[] | undefined;
  /** What waits for the collector of the default exporter. */
  queue?: QueueOptions | undefined;
  /** Hears of variables that are passed over. Default: a line on stderr each. */
  onProblem?: ProblemHandler | undefined;
}

/** The provider of `createProvider`. */
export interface OwnProvider extends FlushableTracerProvider {
  /** Whether it is the global one. */
  readonly isGlobal: boolean;
  forceFlush(options?: { timeoutMillis?: number }): Promise<void>;
  /** Exports what is left, and takes it out of its global place. */
  shutdown(options?: { timeoutMillis?: number }): Promise<void>;
  waiting(): { spans: number; reason: string | undefined };
  lost(): number;
}

type Sdk = Awaited<ReturnType<Peers['sdk']>>;
type SdkProvider = InstanceType<Sdk['BasicTracerProvider']>;
type Config = NonNullable<ConstructorParameters<Sdk['BasicTracerProvider']>[0]>;
type Resource = NonNullable<Config['resource']>;

/**
 * Makes a provider of OpenTelemetry's SDK, configured by the options and `OTEL_*`, and the global one if
 * there is none; `undefined` if `OTEL_SDK_DISABLED` is `true`. Throws `MissingPeerError` if a package is
 * not installed, `OptionError` for a variable's value that is not supported.
 */
export async function createProvider(
  options: ProviderOptions = {},
  env: NodeJS.ProcessEnv = process.env,
  peers: Peers = PEERS,
): Promise<OwnProvider | undefined> {
  if (settingOf(env, 'OTEL_SDK_DISABLED') === 'true') return undefined;
  const sdk = await peers.sdk().catch((error: unknown) => {
    unlessMissing(error);
    throw new MissingPeerError('@opentelemetry/sdk-trace-base', error);
  });
  const onProblem = guardedHandler(options.onProblem);
  checkSampler(env, onProblem);
  const exports: Exports = { tallies: [], outboxes: [] };
  const tallied = (tally: SpanCounts, processor: Processor): Processor => {
    exports.tallies.push(tally);
    return tally.processor(processor);
  };
  const batched = (exporter: Exporter): Processor => {
    const isTimed = settingOf(env, 'OTEL_BSP_EXPORT_TIMEOUT') !== undefined;
    return new sdk.BatchSpanProcessor(exporter, isTimed ? {} : { exportTimeoutMillis: EXPORT_TIMEOUT });
  };
  const spanProcessors = [...(options.spanProcessors ?? [])];
  if (options.exporter !== undefined) {
    const tally = new SpanCounts();
    spanProcessors.push(tallied(tally, batched(tally.exporter(options.exporter))));
  } else if (options.spanProcessors === undefined) {
    for (const name of exporterNames(env)) {
      const tally = new SpanCounts();
      if (name === 'console') {
        const exporter = tally.exporter(new sdk.ConsoleSpanExporter());
        spanProcessors.push(tallied(tally, new sdk.SimpleSpanProcessor(exporter)));
      } else {
        const exporter = await otlpExporter(env, tally, options.queue, peers);
        exports.outboxes.push(exporter);
        spanProcessors.push(tallied(tally, batched(exporter)));
      }
    }
  }
  const resource = defaultResource(sdk).merge(resourceOf(resourceAttributes(options, env)));
  const forgetPropagator = await registerPropagator(env, peers, onProblem);
  return own(new sdk.BasicTracerProvider({ resource, spanProcessors }), exports, forgetPropagator);
}

/** What the own provider exports by. */
interface Exports {
  readonly tallies: SpanCounts[];
  readonly outboxes: OtlpExporter[];
}

function own(provider: SdkProvider, exports: Exports, forgetPropagator: () => void): OwnProvider {
  const { tallies, outboxes } = exports;
  let isOver = false;
  const made = {
    isGlobal: false,
    getTracer: (name: string, version?: string, options?: { schemaUrl?: string }): Tracer =>
      provider.getTracer(name, version, options),
    forceFlush: async (options?: { timeoutMillis?: number }) => {
      await provider.forceFlush(options);
      await Promise.all(outboxes.map((outbox) => outbox.forceFlush()));
    },
    shutdown: async ({ timeoutMillis = EXPORT_TIMEOUT }: { timeoutMillis?: number } = {}) => {
      // From here on what is not exported is lost, unless it still gets through.
      isOver = true;
      if (globalProvider() === made) trace.disable();
      made.isGlobal = false;
      forgetPropagator();
      const close = () => {
        for (const outbox of outboxes) outbox.close();
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
      const spans = tallies.reduce((sum, tally) => sum + tally.waiting, 0);
      const obstacle = outboxes.find((outbox) => outbox.obstacle !== undefined)?.obstacle;
      return { spans, reason: obstacle === undefined ? undefined : messageOf(obstacle) };
    },
    lost: () => tallies.reduce((sum, tally) => sum + tally.lost(isOver), 0),
  };
  // Asked first, because a second registration is an error in OpenTelemetry's own log.
  if (globalProvider() === undefined) made.isGlobal = trace.setGlobalTracerProvider(made);
  return made;
}

const ALONE = ['always_on', 'always_off', 'traceidratio'];
const SAMPLERS = [...ALONE, ...ALONE.map((name) => `parentbased_${name}`)];

/** The SDK takes its default for a sampler that it does not know, and tells nobody. */
function checkSampler(env: NodeJS.ProcessEnv, onProblem: ProblemHandler): void {
  const sampler = env['OTEL_TRACES_SAMPLER'];
  if (!sampler || SAMPLERS.includes(sampler)) return;
  onProblem(new OptionError('OTEL_TRACES_SAMPLER', sampler, `one of ${SAMPLERS.join(', ')}; it is ignored`));
}

/** The registered provider, behind the proxy that the API puts before it. */
function globalProvider(): unknown {
  const registered = registeredGlobals().trace as { getDelegate?(): unknown } | undefined;
  return typeof registered?.getDelegate === 'function' ? registered.getDelegate() : registered;
}

/** The SDK's own attributes, which only its spans tell without another package. */
function defaultResource(sdk: Sdk): Resource {
  const provider = new sdk.BasicTracerProvider({ sampler: new sdk.AlwaysOnSampler() });
  const span: object = provider.getTracer('').startSpan('', {}, ROOT_CONTEXT);
  return (span as { resource: Resource }).resource;
}

/** As much of a resource as merging it into another takes. */
function resourceOf(attributes: Record<string, string>): Resource {
  return {
    attributes,
    getRawAttributes: () => Object.entries(attributes),
    merge: (other) => other as Resource,
  };
}
