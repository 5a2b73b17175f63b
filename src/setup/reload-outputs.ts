import { ClosedError, OptionError } from '../errors.ts';
import { type Filter, type FilterInput, filterOf } from '../tracing/filter.ts';
import type { Registry } from '../tracing/registry.ts';
import { type Config, readFileOptions, sectionOf } from './config.ts';
import { added, lineOutput, type Outputs } from './outputs.ts';
import type { FileOptions } from './tracing-options.ts';

/** What `Tracing.reload` changes; what is not named stays. */
export interface Reload {
  kvp?: FilterInput;
  opentelemetry?: FilterInput;
  stderr?: FilterInput;
  /** The log file that there is not yet: its path, or options with a `path`; else a filter for the one there is. */
  file?: string | Partial<FileOptions>;
}

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
  const given = sectionOf('changes', changes) || {};
  for (const name of Object.keys(given)) {
    if (!NAMES.includes(name as never)) {
      throw new OptionError('changes', name, 'of kvp, opentelemetry, stderr and file');
    }
  }
  const file = typeof given.file === 'string' ? { path: given.file } : sectionOf('file', given.file) || {};
  if (outputs.file !== undefined && file.path !== undefined) {
    throw new OptionError('file.path', file.path, 'left out: there is a log file already');
  }
  const filters = {
    kvp: checked('kvp', given.kvp),
    opentelemetry: checked('opentelemetry', given.opentelemetry),
    stderr: checked('stderr', given.stderr),
    file: checked('file.filter', file.filter),
  };
  if (outputs.file === undefined && (file.path !== undefined || file.filter !== undefined)) {
    // Before any filter is set: an option that is wrong must change nothing.
    const output = await lineOutput({ onProblem, ...readFileOptions(file, environmentFilters) });
    if (subscriber.isShutDown) {
      await output.shutdown();
      throw shutDownError();
    }
    outputs.file = await added(output, subscriber);
  }
  for (const name of NAMES) {
    const isSet = (name === 'kvp' ? environmentFilters.kvp : environmentFilters.log) !== undefined;
    if (!isSet && filters[name] !== undefined) outputs[name]?.withFilter(filters[name]);
  }
}

function shutDownError(): ClosedError {
  return new ClosedError('ERR_KVP_CLOSED', 'tracing was shut down');
}

function checked(option: string, filter: FilterInput | undefined): Filter | undefined {
  return filter === undefined ? undefined : filterOf(filter, option);
}
