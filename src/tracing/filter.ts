import { OptionError } from '../errors.ts';
import { type LevelFilterName, verbosityOf } from './level.ts';
import type { Metadata } from './metadata.ts';

/** Decides which spans and events pass. */
export interface Filter {
  /** Nothing more verbose than this can pass. */
  readonly verbosity: number;
  enabled(metadata: Metadata): boolean;
}

/** A filter, or the most verbose level that passes. */
export type FilterInput = LevelFilterName | Filter;

class LevelFilter implements Filter {
  readonly verbosity: number;

  constructor(verbosity: number) {
    this.verbosity = verbosity;
  }

  enabled(metadata: Metadata): boolean {
    return metadata.verbosity <= this.verbosity;
  }
}

/** The filter that an option names. Throws `OptionError` for what is none. */
export function filterOf(input: FilterInput, option = 'filter'): Filter {
  if (typeof input === 'object' && input !== null && typeof input.enabled === 'function') return input;
  const verbosity = verbosityOf(input);
  if (verbosity === undefined) {
    throw new OptionError(option, input, 'off, error, warn, info, debug, trace or a filter');
  }
  return new LevelFilter(verbosity);
}
