import type * as SdkTrace from '@opentelemetry/sdk-trace';
import type * as SdkTraceBase from '@opentelemetry/sdk-trace-base';
import type { Exporter, Processor } from './sdk-shapes.ts';

type Config = NonNullable<ConstructorParameters<typeof SdkTrace.TracerProvider>[0]>;

export type Resource = NonNullable<Config['resource']>;
export type Sampler = NonNullable<Config['sampler']>;

/** What a provider is made of. */
export interface ProviderConfig {
  readonly resource?: Resource;
  readonly sampler?: Sampler;
  readonly spanLimits?: Record<string, number>;
  readonly spanProcessors: readonly Processor[];
}

/** Limits of a batch processor, by the SDK's names. */
export type BatchLimits = Record<string, number>;

/** What is used of an SDK: of version 3, or of version 2, whose package has another name. */
export interface Sdk extends Pick<
  typeof SdkTrace,
  | 'ConsoleSpanExporter'
  | 'AlwaysOnSampler'
  | 'AlwaysOffSampler'
  | 'ParentBasedSampler'
  | 'TraceIdRatioBasedSampler'
> {
  provider(config: ProviderConfig): SdkTrace.TracerProvider;
  batch(exporter: Exporter, limits: BatchLimits): Processor;
  simple(exporter: Exporter): Processor;
}

/** The SDK that one of its packages holds. */
export function sdkOf(loaded: typeof SdkTrace | typeof SdkTraceBase): Sdk {
  const {
    ConsoleSpanExporter,
    AlwaysOnSampler,
    AlwaysOffSampler,
    ParentBasedSampler,
    TraceIdRatioBasedSampler,
  } = loaded;
  const same = {
    ConsoleSpanExporter,
    AlwaysOnSampler,
    AlwaysOffSampler,
    ParentBasedSampler,
    TraceIdRatioBasedSampler,
  } as unknown as Sdk;
  if ('TracerProvider' in loaded) {
    const { TracerProvider, BatchSpanProcessor, SimpleSpanProcessor } = loaded;
    return {
      ...same,
      provider: (config) => new TracerProvider(config as unknown as Config),
      batch: (exporter, limits) => new BatchSpanProcessor({ exporter, ...limits }),
      simple: (exporter) => new SimpleSpanProcessor({ exporter }),
    };
  }
  const { BasicTracerProvider, BatchSpanProcessor, SimpleSpanProcessor } = loaded;
  return {
    ...same,
    provider: (config) => new BasicTracerProvider(config as never),
    batch: (exporter, limits) => new BatchSpanProcessor(exporter, limits),
    simple: (exporter) => new SimpleSpanProcessor(exporter),
  };
}
