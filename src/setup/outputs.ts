import { OptionError } from '../errors.ts';
import { EmitKVPLayer } from '../layers/emit-kvp-layer.ts';
import { StderrLayer } from '../layers/stderr-layer.ts';
import type { OpenTelemetryLayer } from '../opentelemetry/layer/opentelemetry-layer.ts';
import type { JsonLayer } from '../pino/json-layer.ts';
import type { Layer } from '../tracing/layer.ts';
import type { Registry } from '../tracing/registry.ts';
import type { Config } from './config.ts';
import { openTelemetryOutput } from './opentelemetry-output.ts';
import { LeftOut, reportLeftOut } from './left-out.ts';
import type { LinesOptions } from './tracing-options.ts';

/** The layers that `initializeTracing` makes; `undefined` where one is switched off or left out. */
export interface Outputs {
  readonly kvp: EmitKVPLayer | undefined;
  readonly opentelemetry: OpenTelemetryLayer | undefined;
  readonly stderr: LineOutput | undefined;
  file: LineOutput | undefined;
  /** What stands for a log file that was left out. */
  readonly fileStandIn: LeftOut | undefined;
}

type LineOutput = StderrLayer | JsonLayer;

/** The names of the layers that stand for outputs that were left out. */
const NAMES = {
  kvp: 'EmitKVPLayer',
  opentelemetry: 'OpenTelemetryLayer',
  stderr: 'StderrLayer',
  file: 'StderrLayer',
} as const;

/** Makes the outputs and adds them, in their order. One that can't be made is reported, and a `LeftOut` stands for it. Throws `OptionError`. */
export async function addOutputs(config: Config, subscriber: Registry): Promise<Outputs> {
  let fileStandIn: LeftOut | undefined;
  const add = async <Output extends Layer>(
    name: keyof typeof NAMES,
    make: () => Output | Promise<Output>,
  ): Promise<Output | undefined> => {
    try {
      return await added(await make(), subscriber);
    } catch (error) {
      if (error instanceof OptionError) throw error.within(name);
      const layer = config[name] !== false && isJson(config[name]) ? 'JsonLayer' : NAMES[name];
      const standIn = new LeftOut(layer, reportLeftOut(config.onProblem, name, error));
      subscriber.with(standIn);
      if (name === 'file') fileStandIn = standIn;
      return undefined;
    }
  };
  const { kvp, opentelemetry, stderr, file } = config;
  const outputs = {
    kvp: kvp ? await add('kvp', () => new EmitKVPLayer(kvp)) : undefined,
    opentelemetry: opentelemetry
      ? await add('opentelemetry', () => openTelemetryOutput(opentelemetry, config, subscriber))
      : undefined,
    stderr: stderr ? await add('stderr', () => lineOutput(stderr)) : undefined,
    file: file ? await add('file', () => lineOutput(file)) : undefined,
  };
  return { ...outputs, fileStandIn };
}

/** Adds an output, in the place of what stands for it. What was opened for it is closed if that fails. */
export async function added<Output extends Layer>(
  output: Output,
  subscriber: Registry,
  standIn?: LeftOut,
): Promise<Output> {
  try {
    if (standIn === undefined) subscriber.with(output);
    else subscriber.replace(standIn, output);
    return output;
  } catch (error) {
    await output.shutdown?.();
    throw error;
  }
}

function isJson(output: object | undefined): boolean {
  return (
    output !== undefined && Object.hasOwn(output, 'format') && (output as LinesOptions).format === 'json'
  );
}

/** A layer of lines; pino, which writes JSON, is loaded only then. What only lines of text have does not count for it. */
export async function lineOutput(given: LinesOptions): Promise<LineOutput> {
  const { format, ...options } = Object.assign(Object.create(null) as LinesOptions, given);
  if (format === 'json') {
    const { color: _color, traceIds: _traceIds, stacks: _stacks, ...own } = options;
    return new (await import('../pino/json-layer.ts')).JsonLayer(own);
  }
  return new StderrLayer({ ...options, ...(format !== undefined && { format }) });
}
