import { messageOf, OptionError } from '../errors.ts';
import type { EmitKVPLayerOptions } from '../layers/emit-kvp-layer.ts';
import type { ProviderOptions } from '../opentelemetry/export/own-provider.ts';
import type { OpenTelemetryLayerOptions } from '../opentelemetry/layer/opentelemetry-layer.ts';
import { registeredGlobals } from '../opentelemetry/registered-globals.ts';
import { booleanOption, textOption } from '../option.ts';
import { type FilterInput, filterOf } from '../tracing/filter.ts';
import type { Layer } from '../tracing/layer.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';
import type { RedactOption } from '../tracing/redactor.ts';
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

/**
 * Reads options and environment, checks each option once and fills in the defaults. Nothing else of the set-up reads
 * either. Throws `OptionError`; a variable with a wrong value is reported and ignored.
 */
export function readConfig(options: TracingOptions, env: NodeJS.ProcessEnv): Config {
  sectionOf('options', options);
  const onProblem = handlerOf(options.onProblem);
  const service = textOption('service', options.service ?? DEFAULTS.service);
  const version = options.version === undefined ? undefined : textOption('version', options.version);
  const agent = options.service === undefined ? undefined : `${service}/${version ?? DEFAULTS.version}`;
  const kvp = sectionOf('kvp', options.kvp);
  const opentelemetry = sectionOf('opentelemetry', options.opentelemetry);
  const stderr = sectionOf('stderr', options.stderr);
  const environmentFilters = {
    kvp: filterIn(env, 'AZURE_INIT_KVP_FILTER', onProblem),
    log: filterIn(env, 'AZURE_INIT_LOG', onProblem),
  };
  const stderrFilter = environmentFilters.log ?? filterOption('stderr', stderr);
  return {
    service,
    version,
    agent,
    kvp: kvp && {
      ...(agent !== undefined && { agent }),
      onProblem,
      ...kvp,
      filter: environmentFilters.kvp ?? filterOption('kvp', kvp) ?? DEFAULTS.filter,
    },
    opentelemetry: opentelemetry && readOpenTelemetry(options.opentelemetry !== undefined, opentelemetry),
    stderr: stderr && {
      onProblem,
      ...stderr,
      ...(stderrFilter !== undefined && { filter: stderrFilter }),
    },
    file:
      options.file === undefined
        ? undefined
        : { onProblem, ...readFileOptions(options.file, environmentFilters) },
    redact: options.redact === undefined ? [] : options.redact,
    layers: layersOf(options.layers),
    signals: booleanOption('signals', options.signals) ?? false,
    onProblem,
    environmentFilters,
  };

  /** OpenTelemetry joins if options, environment or something that is registered with its API ask for it. */
  function readOpenTelemetry(isAskedFor: boolean, given: OpenTelemetryOptions): OpenTelemetryConfig | false {
    const { exporter, spanProcessors, queue, environmentContext, ...layer } = given;
    const asked = booleanOption('opentelemetry.environmentContext', environmentContext);
    const filter = environmentFilters.log ?? filterOption('opentelemetry', given) ?? DEFAULTS.filter;
    const exports = isAskedFor
      ? given.tracer === undefined && given.provider === undefined
      : EXPORT_VARIABLES.some((name) => !['', 'none'].includes((env[name] ?? '').trim().toLowerCase()));
    const isTraced = (env['TRACEPARENT'] ?? '') !== '' || isOpenTelemetryUsed();
    if (!isAskedFor && !exports && !isTraced) return false;
    return {
      layer: { onProblem, ...layer, filter },
      provider: exports ? { service, version, exporter, spanProcessors, queue, onProblem } : undefined,
      environmentContext: asked ?? true,
    };
  }
}

/** Whether anything is registered with OpenTelemetry's API. */
function isOpenTelemetryUsed(): boolean {
  return Object.keys(registeredGlobals()).some((name) => name !== 'version');
}

/** Checks the options of a log file. Throws `OptionError`. */
export function readFileOptions(
  given: string | Partial<FileOptions>,
  { log }: EnvironmentFilters,
): LinesOptions {
  const { path, ...options } = typeof given === 'string' ? { path: given } : sectionOf('file', given) || {};
  const filter = log ?? filterOption('file', options) ?? DEFAULTS.filter;
  return { ...options, writer: textOption('file.path', path), filter };
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
    onProblem(new OptionError(variable, given, `${expected}; it is ignored`));
    return undefined;
  }
}

/** The option `filter` of an output. Throws `OptionError`. */
function filterOption(name: string, section: { filter?: FilterInput } | false): FilterInput | undefined {
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

/** Options of an output, `{}` if there are none; `false` switches it off. Throws `OptionError`. */
export function sectionOf<T extends object>(option: string, given: T | false | undefined): T | false {
  if (given === undefined) return {} as T;
  if (given === false || (typeof given === 'object' && given !== null)) return given;
  throw new OptionError(option, given, 'an object of options or false');
}

/** The handler of problems; what it throws is ignored. */
function handlerOf(given: unknown): ProblemHandler {
  if (given === undefined || typeof given === 'function')
    return guardedHandler(given as ProblemHandler | undefined);
  throw new OptionError('onProblem', given, 'a function');
}
