import type { RedactOption } from '../tracing/redactor.ts';
import type { EmitKVPLayerOptions } from '../layers/emit-kvp-layer.ts';
import type { StderrLayerOptions } from '../layers/stderr-layer.ts';
import type { QueueOptions } from '../opentelemetry/export/queue-options.ts';
import type { Exporter, Processor } from '../opentelemetry/sdk-shapes.ts';
import type { OpenTelemetryLayerOptions } from '../opentelemetry/layer/layer-options.ts';
import type { FilterInput } from '../tracing/filter.ts';
import type { Layer } from '../tracing/layer.ts';
import type { ProblemHandler } from '../tracing/problem-handler.ts';

/** Lines on stderr or in a file. The format `json` is `JsonLayer` of `kvp-tracing/pino`, which is loaded only then. */
export type LinesOptions = Omit<StderrLayerOptions, 'format'> & {
  format?: StderrLayerOptions['format'] | 'json' | undefined;
};

/**
 * How OpenTelemetry joins. With a `tracer` or a `provider`, `initializeTracing` sets up no export of its own. The types
 * are structural, so that SDK 2 and SDK 3 both fit.
 */
export interface OpenTelemetryOptions extends Pick<
  OpenTelemetryLayerOptions,
  'tracer' | 'provider' | 'filter'
> {
  /** Exports the spans, in batches. Default: what the environment names, OTLP if it names nothing. */
  exporter?: Exporter | undefined;
  /** Span processors of the provider that is set up; they take the place of the default exporter. Default: none. */
  spanProcessors?: readonly Processor[] | undefined;
  /** Bounds of what waits for a collector that can't be reached. */
  queue?: QueueOptions | undefined;
  /**
   * Whether spans without a parent continue the trace that the environment's `TRACEPARENT`, `TRACESTATE` and
   * `BAGGAGE` describe. Default `true`.
   */
  environmentContext?: boolean | undefined;
}

/** A log file, with lines like those on stderr. */
export interface FileOptions extends Omit<LinesOptions, 'writer'> {
  /** Its path. Missing folders are created. The file is appended to, and only its owner may read it. */
  path: string;
  /** Which spans and events have lines. Default `'info'`. */
  filter?: FilterInput | undefined;
}

/** Options of `initializeTracing`. All in tables: https://github.com/kvp-tracing/kvp-tracing/blob/main/docs/reference/options.md */
export interface TracingOptions {
  /** The program's name: the target of the free functions, `service.name`, and the agent's name in the pool. Default `'app'`. */
  service?: string | undefined;
  /** The program's version. Default `'0'`. */
  version?: string | undefined;
  /** The pool, or `false` for none. Default: pool 1. */
  kvp?: EmitKVPLayerOptions | false | undefined;
  /** OpenTelemetry, or `false` for none. Default: it joins if the environment or a registered SDK asks for it. */
  opentelemetry?: OpenTelemetryOptions | false | undefined;
  /** Lines on stderr, or `false` for none. Default: errors, on a terminal `info`. */
  stderr?: LinesOptions | false | undefined;
  /** A log file beside stderr: its path, or options. Default: none. */
  file?: string | FileOptions | undefined;
  /** Fields whose values are replaced by `[redacted]` in every output, besides those whose names say that they are secret; see `RegistryOptions`. Default `[]`. */
  redact?: RedactOption | undefined;
  /** More layers, after those. `null` and `undefined` are skipped. Default: none. */
  layers?: readonly (Layer | null | undefined)[] | undefined;
  /** Whether SIGINT, SIGTERM and SIGHUP flush before they end the program; see `installSignalHandlers`. Default `false`. */
  signals?: boolean | undefined;
  /** Called with each problem of the package itself. Default: a line on stderr each. */
  onProblem?: ProblemHandler | undefined;
}
