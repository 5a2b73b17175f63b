import { messageOf, OptionError } from '../errors.ts';
import { type EmitKVPLayerOptions, KVP_OPTIONS } from '../layers/emit-kvp-layer.ts';
import { STDERR_OPTIONS } from '../layers/stderr-layer.ts';
import type { ProviderOptions } from '../opentelemetry/export/own-provider.ts';
import { QUEUE_OPTIONS } from '../opentelemetry/export/queue-options.ts';
import type { Exporter, Processor } from '../opentelemetry/sdk-shapes.ts';
import { LAYER_OPTIONS, type OpenTelemetryLayerOptions } from '../opentelemetry/layer/layer-options.ts';
import { ID_MAX } from '../pool/limits.ts';
import { isKeyField } from '../pool/key-layout.ts';
import { registeredGlobals } from '../opentelemetry/registered-globals.ts';
import {
  booleanOption,
  type Check,
  type Checks,
  functionOption,
  listOf,
  objectWith,
  pathOption,
  readOptions,
  textOption,
} from '../option.ts';
import { type FilterInput, filterOf } from '../tracing/filter.ts';
import { type Layer, layerOption } from '../tracing/layer.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';
import { type RedactOption, redactOption } from '../tracing/redactor.ts';
import type { FileOptions, LinesOptions, OpenTelemetryOptions, TracingOptions } from './tracing-options.ts';

/** What `initializeTracing` sets up: options and environment, checked, with the defaults filled in. */
export interface Config {
  service: string;
  version: string | undefined;
  /** The agent of records and reports, `service/version`; `undefined` if the program does not name its service. */
  agent: string | undefined;
  kvp: EmitKVPLayerOptions | false;
  /** `false` also where nothing asks for OpenTelemetry. */
  opentelemetry: OpenTelemetryConfig | false;
  stderr: LinesOptions | false;
  file: LinesOptions | undefined;
  redact: RedactOption;
  layers: readonly (Layer | null | undefined)[];
  signals: boolean;
  onProblem: ProblemHandler;
  /** The filters that the environment sets, which no option and no reload changes. */
  environmentFilters: EnvironmentFilters;
}

/** How OpenTelemetry joins. */
export interface OpenTelemetryConfig {
  layer: OpenTelemetryLayerOptions;
  /** A provider of our own that exports; `undefined` if nothing asks for one. */
  provider: ProviderOptions | undefined;
  environmentContext: boolean;
}

/** Filters by the variable that sets them; `undefined` where it is not set. */
export interface EnvironmentFilters {
  /** `AZURE_INIT_KVP_FILTER`, for the pool. */
  kvp: FilterInput | undefined;
  /** `AZURE_INIT_LOG`, for all other outputs. */
  log: FilterInput | undefined;
}

const DEFAULTS = { service: 'app', version: '0', filter: 'info' } as const;

/** The variables that ask for an export, by OpenTelemetry's specification. */
const EXPORT_VARIABLES = [
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

const LINES: Checks<LinesOptions> = {
  ...STDERR_OPTIONS,
  format: (option, given) => (given === 'json' ? given : STDERR_OPTIONS.format(option, given)),
};
const { writer: _, ...FILE_LINES } = LINES;
const FILE: Checks<FileOptions> = { ...FILE_LINES, path: pathOption };

const { tracer, provider, filter } = LAYER_OPTIONS;
const OPENTELEMETRY: Checks<OpenTelemetryOptions> = {
  tracer,
  provider,
  filter,
  exporter: objectWith<Exporter>('a span exporter, with export() and shutdown()', 'export', 'shutdown'),
  spanProcessors: listOf(
    objectWith<Processor>('a list of span processors, with onStart() and onEnd()', 'onStart', 'onEnd'),
    'a list of span processors',
  ),
  queue: (option, given) => readOptions(QUEUE_OPTIONS, given as object, option),
  environmentContext: booleanOption,
};

/** A layer throws `FieldError` for it, and would be left out for that. */
const KVP: Checks<EmitKVPLayerOptions> = {
  ...KVP_OPTIONS,
  vmId: (option, given) => {
    if (typeof given === 'string' && isKeyField(given, ID_MAX)) return given;
    throw new OptionError(option, given, `a text of 1 to ${ID_MAX} bytes without | and NUL`);
  },
};

const OPTIONS: Checks<TracingOptions> = {
  service: textOption,
  version: textOption,
  kvp: section(KVP),
  opentelemetry: section(OPENTELEMETRY),
  stderr: section(LINES),
  file: fileOption,
  redact: redactOption,
  layers: listOf(
    (option, layer) => (layer === null || layer === undefined ? undefined : layerOption(option, layer)),
    'a list of layers',
  ),
  signals: booleanOption,
  onProblem: functionOption,
};

/** The check of an output's options; `false` switches it off. */
function section<T extends object>(checks: Checks<T>): Check<T | false> {
  return (option, given) => {
    if (given === false) return false;
    if (typeof given !== 'object' || given === null) {
      throw new OptionError(option, given, 'an object of options or false');
    }
    return readOptions(checks, given as T, option);
  };
}

/** The options of a log file, which a text gives its path alone. */
export function fileOption(option: string, given: unknown): FileOptions {
  return readOptions(FILE, (typeof given === 'string' ? { path: given } : given) as FileOptions, option);
}

/**
 * Reads options and environment, checks each option once and fills in the defaults. Nothing else of the set-up reads
 * either. Throws `OptionError`; a variable with a wrong value is reported and ignored.
 */
export function readConfig(given: TracingOptions | undefined, env: NodeJS.ProcessEnv): Config {
  const options = readOptions(OPTIONS, given);
  const onProblem = guardedHandler(options.onProblem);
  const { service = DEFAULTS.service, version, file, redact = [], signals = false } = options;
  const agent = options.service === undefined ? undefined : `${service}/${version ?? DEFAULTS.version}`;
  const { kvp = none(), stderr = none() } = options;
  const environmentFilters = {
    kvp: filterIn(env, 'AZURE_INIT_KVP_FILTER', onProblem),
    log: filterIn(env, 'AZURE_INIT_LOG', onProblem),
  };
  const kvpFilter = environmentFilters.kvp ?? (kvp || none()).filter ?? DEFAULTS.filter;
  return {
    service,
    version,
    agent,
    kvp: kvp && Object.assign(none<EmitKVPLayerOptions>(), { agent, onProblem, ...kvp, filter: kvpFilter }),
    opentelemetry: readOpenTelemetry(options.opentelemetry),
    stderr: stderr && { onProblem, ...stderr, filter: environmentFilters.log ?? stderr.filter },
    file:
      file === undefined ? undefined : { onProblem, ...fileLines(file as FileOptions, environmentFilters) },
    redact,
    layers: options.layers ?? [],
    signals,
    onProblem,
    environmentFilters,
  };

  /** OpenTelemetry joins if options, environment or something that is registered with its API ask for it. */
  function readOpenTelemetry(asked: TracingOptions['opentelemetry']): OpenTelemetryConfig | false {
    if (asked === false) return false;
    const { exporter, spanProcessors, queue, environmentContext = true, ...rest } = asked ?? none();
    const layer = Object.assign(none<OpenTelemetryOptions>(), rest);
    const filter = environmentFilters.log ?? layer.filter ?? DEFAULTS.filter;
    const exports =
      asked === undefined
        ? EXPORT_VARIABLES.some((name) => !['', 'none'].includes((env[name] ?? '').trim().toLowerCase()))
        : layer.tracer === undefined && layer.provider === undefined;
    const isTraced = (env['TRACEPARENT'] ?? '') !== '' || isOpenTelemetryUsed();
    if (asked === undefined && !exports && !isTraced) return false;
    return {
      layer: { onProblem, ...layer, filter },
      provider: exports ? { service, version, exporter, spanProcessors, queue, onProblem } : undefined,
      environmentContext,
    };
  }
}

/** No options. Without a prototype: what `Object.prototype` has is none. */
function none<T extends object>(): T {
  return Object.create(null) as T;
}

/** Whether anything is registered with OpenTelemetry's API. */
function isOpenTelemetryUsed(): boolean {
  return Object.keys(registeredGlobals()).some((name) => name !== 'version');
}

/** The layer's options for the checked options of a log file. Throws `OptionError` if there is no path. */
export function fileLines(given: Partial<FileOptions>, { log }: EnvironmentFilters): LinesOptions {
  const { path, ...options } = given;
  return {
    ...options,
    writer: pathOption('file.path', path),
    filter: log ?? given.filter ?? DEFAULTS.filter,
  };
}

/** The filter that a variable sets. A wrong one is reported and ignored. */
function filterIn(
  env: NodeJS.ProcessEnv,
  variable: string,
  onProblem: ProblemHandler,
): FilterInput | undefined {
  const given = env[variable];
  if (given === undefined || given === '') return undefined;
  try {
    return filterOf(given);
  } catch (error) {
    const { cause } = error as Error;
    const expected =
      cause === undefined ? 'off, error, warn, info, debug or trace' : `a filter (${messageOf(cause)})`;
    onProblem(OptionError.ignored(variable, given, expected));
    return undefined;
  }
}
