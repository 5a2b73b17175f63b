import type { Tracer } from '@opentelemetry/api';
import { messageOf, OptionError } from './errors.ts';
// So that the option `filter` may be the text of an `EnvFilter`.
import './filter/env-filter.ts';
import type { EmitKVPLayerOptions } from './layers/emit-kvp-layer.ts';
import type { StderrLayerOptions } from './layers/stderr-layer.ts';
import { type FilterInput, filterOf } from './tracing/filter.ts';
import type { FlushableTracerProvider } from './opentelemetry/layer/opentelemetry-layer.ts';
import type { QueueOptions } from './opentelemetry/export/outbox.ts';
import type { Exporter, Processor } from './opentelemetry/export/span-counts.ts';
import { booleanOption, textOption } from './option.ts';
import type { Layer } from './tracing/layer.ts';
import { guarded, type ProblemHandler } from './tracing/problem.ts';
import { REDACTED_NAMES } from './tracing/redactor.ts';

/** Lines on stderr or in a file; `json` is `JsonLayer` of `kvp-tracing/pino`, loaded only then. */
export type LinesOptions = Omit<StderrLayerOptions, 'format'> & {
  format?: StderrLayerOptions['format'] | 'json';
};

/** What of OpenTelemetry `initializeTracing` sets up. Structural, so that SDK 2 and SDK 3 both fit. */
export interface OpenTelemetryOptions {
  /** The tracer to use. */
  tracer?: Tracer;
  /** The provider whose tracer to use; flushed and shut down with the rest. */
  provider?: FlushableTracerProvider;
  /** Where an own provider exports to. Default: as the environment says, OTLP if it says nothing. */
  exporter?: Exporter;
  /** Span processors of an own provider, instead of `exporter`. */
  spanProcessors?: readonly Processor[];
  /** What waits for the collector while it can't be reached. */
  queue?: QueueOptions;
  /**
   * Whether spans without a parent continue the trace that `TRACEPARENT`, `TRACESTATE` and `BAGGAGE` of the
   * environment tell of. Default `true`.
   */
  environmentContext?: boolean;
  /** Which spans and events are traced. Default `'info'`. */
  filter?: FilterInput;
}

/** A log file: lines as on stderr. */
export interface FileOptions extends Omit<LinesOptions, 'writer'> {
  /** Its path; missing folders are made, it is appended to and readable by its owner only. */
  path: string;
  /** Which spans and events have lines. Default `'info'`. */
  filter?: FilterInput;
}

export interface TracingOptions {
  /** The program's name: the target of the free functions, `service.name`, and part of the agent in the pool. Default `'app'`. */
  service?: string;
  /** The program's version. Default `'0'`. */
  version?: string;
  /** The pool, or `false` for none. Default: pool 1. */
  kvp?: EmitKVPLayerOptions | false;
  /** OpenTelemetry, or `false` for none. Default: joins if the environment or a registered SDK asks for it. */
  opentelemetry?: OpenTelemetryOptions | false;
  /** Lines on stderr, or `false` for none. */
  stderr?: LinesOptions | false;
  /** Lines in a file too: its path, or options. Default: none. */
  file?: string | FileOptions;
  /** Fields whose values leave the program nowhere; see `Registry`. Default `['password', 'passwd', 'secret', 'token', 'authorization']`. */
  redact?: readonly string[];
  /** More layers, after these. */
  layers?: readonly (Layer | null | undefined)[];
  /** Flush on SIGINT, SIGTERM and SIGHUP, then die of them: `installSignalHandlers()`. Default `false`. */
  signals?: boolean;
  /** Hears of the package's own problems. Default: a line on stderr each. */
  onProblem?: ProblemHandler;
}

/** Options as they hold, with what the environment says. */
export interface Config {
  service: string;
  version: string | undefined;
  /** Who writes, where the pool's options don't say; without it this package. */
  agent: string | undefined;
  kvp: EmitKVPLayerOptions | false;
  opentelemetry: OpenTelemetryOptions | false;
  stderr: LinesOptions | false;
  file: LinesOptions | undefined;
  redact: readonly string[];
  layers: readonly (Layer | null | undefined)[];
  signals: boolean;
  onProblem: ProblemHandler;
  /** The filters that the environment sets; what the program says later does not change them. */
  forced: { kvp: FilterInput | undefined; log: FilterInput | undefined };
}

const DEFAULTS = {
  service: 'app',
  version: '0',
  filter: { kvp: 'info', opentelemetry: 'info', file: 'info' },
} as const;

/** Whether the environment asks to export (OpenTelemetry's specification of environment variables). */
const EXPORT_VARIABLES = [
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

/** Reads the environment, checks each option once, fills in the defaults. Throws `OptionError`. */
export function readConfig(options: TracingOptions, env: NodeJS.ProcessEnv): Config {
  sectionOf('options', options);
  const onProblem = handlerOf(options.onProblem);
  const service = textOption('service', options.service ?? DEFAULTS.service);
  const version = options.version === undefined ? undefined : textOption('version', options.version);
  const agent = options.service === undefined ? undefined : `${service}/${version ?? DEFAULTS.version}`;
  const kvp = sectionOf('kvp', options.kvp);
  const opentelemetry = sectionOf('opentelemetry', options.opentelemetry);
  const stderr = sectionOf('stderr', options.stderr);
  const forced = {
    kvp: filterIn(env, 'AZURE_INIT_KVP_FILTER', onProblem),
    log: filterIn(env, 'AZURE_INIT_LOG', onProblem),
  };
  const kvpFilter = forced.kvp ?? optionOf('kvp', kvp) ?? DEFAULTS.filter.kvp;
  const traceFilter = forced.log ?? optionOf('opentelemetry', opentelemetry) ?? DEFAULTS.filter.opentelemetry;
  const stderrFilter = forced.log ?? optionOf('stderr', stderr);
  return {
    service,
    version,
    agent,
    kvp: kvp && {
      ...(agent === undefined ? undefined : { agent }),
      onProblem,
      ...kvp,
      filter: kvpFilter,
    },
    opentelemetry: opentelemetry && {
      ...opentelemetry,
      environmentContext:
        booleanOption('opentelemetry.environmentContext', opentelemetry.environmentContext) ?? true,
      filter: traceFilter,
    },
    stderr: stderr && {
      onProblem,
      ...stderr,
      ...(stderrFilter === undefined ? undefined : { filter: stderrFilter }),
    },
    file: options.file === undefined ? undefined : { onProblem, ...readFile(options.file, forced.log) },
    redact: options.redact === undefined ? REDACTED_NAMES : options.redact,
    layers: layersOf(options.layers),
    signals: booleanOption('signals', options.signals) ?? false,
    onProblem,
    forced,
  };
}

/** Checks the options of a log file; `forced` is the filter that the environment sets. Throws `OptionError`. */
export function readFile(given: string | FileOptions, forced: FilterInput | undefined): LinesOptions {
  const { path, ...options } = typeof given === 'string' ? { path: given } : sectionOf('file', given) || {};
  const filter = forced ?? optionOf('file', options) ?? DEFAULTS.filter.file;
  return { ...options, writer: textOption('file.path', path), filter };
}

/** Whether spans are to be exported by an own provider. */
export function asksForExport(
  options: OpenTelemetryOptions | false | undefined,
  env: NodeJS.ProcessEnv,
): boolean {
  if (options === false) return false;
  if (options !== undefined) return options.tracer === undefined && options.provider === undefined;
  return EXPORT_VARIABLES.some((name) => !['', 'none'].includes((env[name] ?? '').trim().toLowerCase()));
}

/** Whether OpenTelemetry joins at all: asked for, started by a traced program, or used by this one already. */
export function joinsOpenTelemetry(
  options: OpenTelemetryOptions | false | undefined,
  env: NodeJS.ProcessEnv,
): boolean {
  if (options === false) return false;
  if (options !== undefined || asksForExport(options, env) || (env['TRACEPARENT'] ?? '') !== '') return true;
  // Looked at without loading the API, which would cost every program 25 ms.
  return (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')] !== undefined;
}

function filterIn(
  env: NodeJS.ProcessEnv,
  variable: string,
  onProblem: ProblemHandler,
): FilterInput | undefined {
  const given = env[variable];
  if (given === undefined || given === '') return undefined;
  try {
    return filterOf(given as FilterInput);
  } catch (error) {
    const { cause } = error as Error;
    const expected =
      cause === undefined ? 'off, error, warn, info, debug or trace' : `a filter (${messageOf(cause)})`;
    onProblem(new OptionError(variable, given, `${expected}; it is ignored`));
    return undefined;
  }
}

function optionOf(name: string, section: { filter?: FilterInput } | false): FilterInput | undefined {
  if (section === false || section.filter === undefined) return undefined;
  return filterOf(section.filter, `${name}.filter`);
}

function layersOf(given: TracingOptions['layers']): readonly (Layer | null | undefined)[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.some((layer) => layer !== undefined && typeof layer !== 'object')) {
    throw new OptionError('layers', given, 'a list of layers');
  }
  return given;
}

/** Options of an output, or `false`; none are `{}`. Throws `OptionError`. */
export function sectionOf<T extends object>(option: string, given: T | false | undefined): T | false {
  if (given === undefined) return {} as T;
  if (given === false || (typeof given === 'object' && given !== null)) return given;
  throw new OptionError(option, given, 'an object of options or false');
}

/** What hears of problems; what it throws stops nothing. */
function handlerOf(given: unknown): ProblemHandler {
  if (given === undefined || typeof given === 'function') return guarded(given as ProblemHandler | undefined);
  throw new OptionError('onProblem', given, 'a function');
}
