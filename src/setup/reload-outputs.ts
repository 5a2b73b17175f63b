import { ClosedError, OptionError } from '../errors.ts';
import { type Checks, readOptions } from '../option.ts';
import { type FilterInput, filterOption } from '../tracing/filter.ts';
import type { Registry } from '../tracing/registry.ts';
import { type Config, fileLines, fileOption } from './config.ts';
import { added, lineOutput, type Outputs } from './outputs.ts';
import type { FileOptions } from './tracing-options.ts';

/** What `Tracing.reload` changes; what is not named stays. */
export interface Reload {
  kvp?: FilterInput | undefined;
  opentelemetry?: FilterInput | undefined;
  stderr?: FilterInput | undefined;
  /** The log file that there is not yet: its path, or options with a `path`; else a filter for the one there is. */
  file?: string | Partial<FileOptions> | undefined;
}

/** By the option alone, as in `kvp must be …`: there are no sections. */
const asFilter = (option: string, given: unknown): FilterInput =>
  filterOption(option.replace(/^changes\./, ''), given);
const CHANGES: Checks<Reload> = {
  kvp: asFilter,
  opentelemetry: asFilter,
  stderr: asFilter,
  file: (_option, given) => fileOption('file', given),
};
const NAMES = ['kvp', 'opentelemetry', 'stderr', 'file'] as const satisfies readonly (keyof Outputs)[];

/**
 * Checks all changes, then makes them. Rejects with `OptionError`, the error of opening the file, or `ClosedError`.
 *
 * @internal
 */
export async function reloadOutputs(
  changes: Reload,
  outputs: Outputs,
  { environmentFilters, onProblem }: Config,
  subscriber: Registry,
): Promise<void> {
  if (subscriber.isShutDown) throw shutDownError();
  const given = readOptions(CHANGES, changes, 'changes');
  const file = (given.file ?? Object.create(null)) as Partial<FileOptions>;
  if (outputs.file !== undefined && file.path !== undefined) {
    throw new OptionError('file.path', file.path, 'left out: there is a log file already');
  }
  const filters = {
    kvp: given.kvp,
    opentelemetry: given.opentelemetry,
    stderr: given.stderr,
    file: file.filter,
  };
  if (outputs.file === undefined && (file.path !== undefined || file.filter !== undefined)) {
    // Before any filter is set: an option that is wrong must change nothing.
    const output = await lineOutput({ onProblem, ...fileLines(file, environmentFilters) });
    if (subscriber.isShutDown) {
      await output.shutdown();
      throw shutDownError();
    }
    outputs.file = await added(output, subscriber, outputs.fileStandIn);
  }
  for (const name of NAMES) {
    const isSet = (name === 'kvp' ? environmentFilters.kvp : environmentFilters.log) !== undefined;
    if (!isSet && filters[name] !== undefined) outputs[name]?.withFilter(filters[name]);
  }
}

function shutDownError(): ClosedError {
  return new ClosedError('ERR_KVP_CLOSED', 'tracing was shut down; initializeTracing sets it up anew');
}
