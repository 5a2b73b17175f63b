import { messageOf, OptionError } from '../errors.ts';
import type { Fields } from './fields.ts';
import { type LevelFilterName, verbosityOf } from './level.ts';
import type { Metadata } from './metadata.ts';

/**
 * How much a filter must know of the names of fields: nothing, what is there to see without evaluating lazy
 * fields, or all.
 */
export type FieldNames = 'none' | 'given' | 'all';

/** Decides which spans and events pass. */
export interface Filter {
  /** Nothing more verbose than this can pass. */
  readonly verbosity: number;
  /** Whether what has this metadata passes, wherever it happens. The answer is kept until a filter changes. */
  enabled(metadata: Metadata): boolean;
  /** What `enabled` must know of the fields of spans, or of events. Default `'given'`. */
  fieldNames?(kind: Metadata['kind']): FieldNames;
  /** Called with a span that passed: what passes inside of it besides. Default: nothing. */
  readonly onSpan?: ((span: Metadata, fields: Fields) => SpanMatch | undefined) | undefined;
  /** How a registry hears that the filter decides otherwise from now on. */
  onChange?(listener: () => void): void;
}

/** What a filter lets pass inside of a span, from the next time on that it is entered. */
export interface SpanMatch {
  /** Nothing more verbose than this passes because of the span; 0 is nothing at all. */
  readonly verbosity: number;
  /** Hears of fields that were recorded later. */
  record(fields: Fields): void;
}

/**
 * A filter, a function that decides like one (asked once for each kind, target, level, name and field names),
 * the most verbose level that passes, or the text of an `EnvFilter`.
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

/** A text that is neither a level's name nor worth parsing: a target alone must look like one, or a misspelt level would silence everything. */
const WORD = /^[\p{L}\p{N}_-]*$/u;

let parse: ((text: string) => Filter) | undefined;

/** Sets what makes a filter of a text that is no level's name; the grammar is not known here. */
export function setFilterParser(parser: (text: string) => Filter): void {
  parse = parser;
}

export function isFilter(input: unknown): input is Filter {
  return typeof input === 'object' && input !== null && typeof (input as Filter).enabled === 'function';
}

/** The filter that `option` names. Throws `OptionError` for what is none. */
export function filterOf(input: FilterInput, option = 'filter'): Filter {
  if (isFilter(input)) return input;
  if (typeof input === 'function') return { verbosity: 5, enabled: (metadata) => Boolean(input(metadata)) };
  const verbosity = verbosityOf(input);
  if (verbosity !== undefined) return new LevelFilter(verbosity);
  if (typeof input !== 'string' || WORD.test(input) || parse === undefined) {
    throw new OptionError(option, input, 'off, error, warn, info, debug, trace or a filter');
  }
  try {
    return parse(input);
  } catch (error) {
    throw new OptionError(option, input, `a level or a filter (${messageOf(error)})`, error);
  }
}
