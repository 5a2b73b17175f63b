import { propagation, ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api';
import { MissingPeerError } from '../errors.ts';
import {
  EXPORT_TIMEOUT,
  exporterNames,
  otlpExporter,
  PEERS,
  type Peers,
  settingOf,
  unlessMissing,
} from './exporters.ts';
import type { FlushableTracerProvider } from './layer.ts';
import { resourceAttributes, type Service } from './resource.ts';
import { type Exporter, type Processor, Tally } from './tally.ts';

export interface ProviderOptions extends Service {
  /** Where spans go, in batches. Default: what `OTEL_TRACES_EXPORTER` names, `otlp`. */
  exporter?: Exporter;
  /** What is done with spans; takes the place of the default exporter. Default: none. */
  spanProcessors?: readonly Processor[];
}

/** The provider of `createProvider`. */
export interface OwnProvider extends FlushableTracerProvider {
  /** Whether it is the global one. */
  readonly isGlobal: boolean;
  forceFlush(options?: { timeoutMillis?: number }): Promise<void>;
  /** Exports what is left, and takes it out of its global place. */
  shutdown(): Promise<void>;
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
  const tallies: Tally[] = [];
  const counted = (exporter: Exporter, isConsole = false): Processor => {
    const tally = new Tally();
    tallies.push(tally);
    const inner = tally.exporter(exporter);
    const batch =
      settingOf(env, 'OTEL_BSP_EXPORT_TIMEOUT') === undefined ? { exportTimeoutMillis: EXPORT_TIMEOUT } : {};
    return tally.processor(
      isConsole ? new sdk.SimpleSpanProcessor(inner) : new sdk.BatchSpanProcessor(inner, batch),
    );
  };
  const spanProcessors = [...(options.spanProcessors ?? [])];
  if (options.exporter !== undefined) spanProcessors.push(counted(options.exporter));
  if (options.exporter === undefined && options.spanProcessors === undefined) {
    for (const name of exporterNames(env)) {
      const isConsole = name === 'console';
      const exporter = isConsole ? new sdk.ConsoleSpanExporter() : await otlpExporter(env, peers);
      spanProcessors.push(counted(exporter, isConsole));
    }
  }
  const resource = defaultResource(sdk).merge(resourceOf(resourceAttributes(options, env)));
  const forgetPropagator = await registerPropagator(peers);
  return own(new sdk.BasicTracerProvider({ resource, spanProcessors }), tallies, forgetPropagator);
}

function own(provider: SdkProvider, tallies: readonly Tally[], forgetPropagator: () => void): OwnProvider {
  let isOver = false;
  const made = {
    isGlobal: false,
    getTracer: (name: string, version?: string, options?: { schemaUrl?: string }): Tracer =>
      provider.getTracer(name, version, options),
    forceFlush: (options?: { timeoutMillis?: number }) => provider.forceFlush(options),
    shutdown: async () => {
      // From here on what is not exported is lost, unless it still gets through.
      isOver = true;
      if (globalProvider() === made) trace.disable();
      made.isGlobal = false;
      forgetPropagator();
      await provider.shutdown();
    },
    lost: () => tallies.reduce((sum, tally) => sum + tally.lost(isOver), 0),
  };
  // Asked first, because a second registration is an error in OpenTelemetry's own log.
  if (globalProvider() === undefined) made.isGlobal = trace.setGlobalTracerProvider(made);
  return made;
}

/**
 * Makes W3C's propagators the global ones if there are none; returns how to take that back. They come with
 * the SDK; where its package is hidden from ours, `inject` writes nothing.
 */
async function registerPropagator(peers: Peers): Promise<() => void> {
  const nothing = (): void => {};
  if (propagation.fields().length > 0) return nothing;
  const core = await peers.core().catch((error: unknown) => void unlessMissing(error));
  if (core === undefined) return nothing;
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()];
  const registered = propagation.setGlobalPropagator(new core.CompositePropagator({ propagators }));
  return registered ? () => propagation.disable() : nothing;
}

const API = Symbol.for('opentelemetry.js.api.1');

/** The registered provider, behind the proxy that the API puts before it. */
function globalProvider(): unknown {
  const registered = (globalThis as { [API]?: { trace?: { getDelegate?(): unknown } } })[API]?.trace;
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
