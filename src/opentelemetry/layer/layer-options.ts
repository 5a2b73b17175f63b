import type { Tracer, TracerProvider } from '@opentelemetry/api';
import { type Checks, functionOption, objectWith } from '../../option.ts';
import { type FilterInput, filterOption } from '../../tracing/filter.ts';
import type { ProblemHandler } from '../../tracing/problem-handler.ts';
import type { Environment } from '../propagation/process-environment.ts';

// Loads nothing of OpenTelemetry: the set-up checks options before it knows whether OpenTelemetry joins.

/** A tracer provider, with the optional methods that those of OpenTelemetry's SDK have. */
export interface FlushableTracerProvider extends TracerProvider {
  forceFlush?(options?: { timeoutMillis?: number }): Promise<void>;
  shutdown?(options?: { timeoutMillis?: number }): Promise<void>;
  /** How many ended spans are not exported yet, and the reason for the delay if one is known. */
  waiting?(): { spans: number; reason: string | undefined };
  /** How many ended spans are known to be lost. */
  lost?(): number;
}

export interface OpenTelemetryLayerOptions {
  /** Starts the spans. Default: the provider's tracer. */
  tracer?: Tracer | undefined;
  /** The provider of the tracer; `flush` and `shutdown` of the layer flush it and shut it down. Default: the global provider, which they leave alone. */
  provider?: FlushableTracerProvider | undefined;
  /** The result of `processEnvironment`: spans without a parent continue its trace, and `childEnv` writes the active context. Default: neither. */
  environment?: Environment | undefined;
  /** Which spans and events are exported. Default `'info'`. */
  filter?: FilterInput | undefined;
  /** Is called for each problem. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

/** The options of the layer. */
export const LAYER_OPTIONS: Checks<OpenTelemetryLayerOptions> = {
  tracer: objectWith('a tracer, with startSpan()', 'startSpan'),
  provider: objectWith('a tracer provider, with getTracer()', 'getTracer'),
  environment: objectWith('what processEnvironment() resolved with', 'write', 'release'),
  filter: filterOption,
  onProblem: functionOption,
};
