import { isClass, messageOf, OptionError } from '../errors.ts';
import type { Fields } from './fields.ts';
import { type LevelFilterName, verbosityOf } from './level.ts';
import type { Metadata } from './metadata.ts';

/**
 * Which field names a filter needs: none, those that are given as an object, or all, for which fields that are given as
 * a function are evaluated.
 */
export type FieldNames = 'none' | 'given' | 'all';

/** Decides which spans and events pass. */
export interface Filter {
  /** Nothing more verbose than this passes, 0 to 5. */
  readonly verbosity: number;
  /** Whether spans or events with this metadata pass in any span. The answer is kept until a filter changes. */
  enabled(metadata: Metadata): boolean;
  /** Which field names of spans, or of events, `enabled` needs. Default `'given'`. */
  fieldNames?(kind: Metadata['kind']): FieldNames;
  /** Called with each new span that passed. Returns what passes inside of it besides, if anything. Default: nothing. */
  readonly onSpan?: ((span: Metadata, fields: Fields) => SpanMatch | undefined) | undefined;
  /** Registers a listener, to be called each time after the filter changed its decisions. */
  onChange?(listener: () => void): void;
}

/** What a filter lets pass inside of a span. A change counts from the next time that the span is entered. */
export interface SpanMatch {
  /** Nothing more verbose than this passes because of the span; 0 is nothing. */
  readonly verbosity: number;
  /** Called with fields that are recorded in the span later. */
  record(fields: Fields): void;
}

/**
 * A filter; a function that says whether spans or events pass (called once for each kind, target, level, name and list
 * of field names); the most verbose level that passes; or the text of an `EnvFilter`.
 */
export type FilterInput = LevelFilterName | (string & {}) | Filter | ((metadata: Metadata) => boolean);

class LevelFilter implements Filter {
  readonly verbosity: number;

  constructor(verbosity: number) {
    this.verbosity = verbosity;
  }

  enabled(metadata: Metadata): boolean {
    return metadata.verbosity <= this.verbosity;
  }

  fieldNames(): FieldNames {
    return 'none';
  }
}

let parse: ((text: string) => Filter) | undefined;

/** Sets the parser of texts that are no level, because `tracing` does not know the grammar. */
export function setFilterParser(parser: (text: string) => Filter): void {
  parse = parser;
}

export function isFilter(input: unknown): input is Filter {
  return typeof input === 'object' && input !== null && typeof (input as Filter).enabled === 'function';
}

/** Checks the option `filter` of an output: what is no filter throws `OptionError`. */
export function filterOption(option: string, given: unknown): FilterInput {
  return filterOf(given as FilterInput, option);
}

/** The filter of an input. Throws `OptionError`, which names `option`, for what is no filter. */
export function filterOf(input: FilterInput, option = 'filter'): Filter {
  if (isFilter(input)) return input;
  if (typeof input === 'function' && !isClass(input))
    return { verbosity: 5, enabled: (metadata) => Boolean(input(metadata)) };
  const verbosity = verbosityOf(input);
  if (verbosity !== undefined) return new LevelFilter(verbosity);
  if (typeof input !== 'string' || isWord(input) || parse === undefined) {
    throw new OptionError(option, input, 'off, error, warn, info, debug, trace or a filter');
  }
  try {
    return parse(input);
  } catch (error) {
    throw new OptionError(option, input, `a level or a filter (${messageOf(error)})`, error);
  }
}

/** A single word that is no level is refused: as a target it would be legal, but a misspelt level would silence everything. */
function isWord(text: string): boolean {
  return /^[\p{L}\p{N}_-]*$/u.test(text);
}
