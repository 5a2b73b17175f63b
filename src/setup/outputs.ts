import { FieldError, OptionError } from '../errors.ts';
import { EmitKVPLayer } from '../layers/emit-kvp-layer.ts';
import { StderrLayer } from '../layers/stderr-layer.ts';
import type { OpenTelemetryLayer } from '../opentelemetry/layer/opentelemetry-layer.ts';
import type { JsonLayer } from '../pino/json-layer.ts';
import type { Layer } from '../tracing/layer.ts';
import type { Registry } from '../tracing/registry.ts';
import type { Config } from './config.ts';
import { openTelemetryOutput } from './opentelemetry-output.ts';
import { reportLeftOut } from './report-left-out.ts';
import type { LinesOptions } from './tracing-options.ts';

/** The layers that `initializeTracing` makes; `undefined` where one is switched off or left out. */
export interface Outputs {
  readonly kvp: EmitKVPLayer | undefined;
  readonly opentelemetry: OpenTelemetryLayer | undefined;
  readonly stderr: LineOutput | undefined;
  file: LineOutput | undefined;
}

type LineOutput = StderrLayer | JsonLayer;

/** Makes the outputs and adds them, in their order. One that can't be made is reported. Throws `OptionError`. */
export async function addOutputs(config: Config, subscriber: Registry): Promise<Outputs> {
  const add = async <Output extends Layer>(
    name: keyof Outputs,
    make: () => Output | Promise<Output>,
  ): Promise<Output | undefined> => {
    try {
      return await added(await make(), subscriber);
    } catch (error) {
      if (error instanceof OptionError) throw error.within(name);
      if (error instanceof FieldError) throw fieldOption(error, config);
      reportLeftOut(config.onProblem, name, error);
      return undefined;
    }
  };
  const { kvp, opentelemetry, stderr, file } = config;
  return {
    kvp: kvp ? await add('kvp', () => new EmitKVPLayer(kvp)) : undefined,
    opentelemetry: opentelemetry
      ? await add('opentelemetry', () => openTelemetryOutput(opentelemetry, config, subscriber))
      : undefined,
    stderr: stderr ? await add('stderr', () => lineOutput(stderr)) : undefined,
    file: file ? await add('file', () => lineOutput(file)) : undefined,
  };
}

/** Adds an output. What was opened for it is closed if that fails. */
export async function added<Output extends Layer>(output: Output, subscriber: Registry): Promise<Output> {
  try {
    subscriber.with(output);
    return output;
  } catch (error) {
    await output.shutdown?.();
    throw error;
  }
}

/** The only option that a key must hold as it is; an agent is made to fit. */
function fieldOption(cause: FieldError, { kvp }: Config): OptionError {
  return new OptionError('kvp.vmId', (kvp || {}).vmId, "a text of 1 to 36 bytes without '|' and NUL", cause);
}

/** A layer of lines; pino, which writes JSON, is loaded only then. */
export async function lineOutput({ format, ...options }: LinesOptions): Promise<LineOutput> {
  if (format === 'json') return new (await import('../pino/json-layer.ts')).JsonLayer(options);
  return new StderrLayer({ ...options, ...(format !== undefined && { format }) });
}
