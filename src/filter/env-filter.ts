import { type FilterError, OptionError } from '../errors.ts';
import { booleanOption, type Checks, functionOption, readOptions } from '../option.ts';
import { variable } from '../tracing/environment.ts';
import type { Fields } from '../tracing/fields.ts';
import type { FieldNames, Filter, SpanMatch } from '../tracing/filter.ts';
import type { Metadata } from '../tracing/metadata.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';
import { type Directive, type FieldMatch, parseDirective, partsOf } from './directive.ts';

export interface EnvFilterOptions {
  /** The directives to use when the text has none. Default `''`, by which nothing passes; of the constructor `'error'`. */
  default?: string | undefined;
  /** Whether values without quotes are regular expressions; otherwise they are exact texts. Default `true`. */
  regex?: boolean | undefined;
  /** Whether a part that is no directive is reported and ignored. Default `false`, which throws; of the constructor `true`. */
  lenient?: boolean | undefined;
  /** Called with each part that is ignored. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

const OPTIONS: Checks<EnvFilterOptions> = {
  default: (option, given) => {
    if (typeof given === 'string') return given;
    throw new OptionError(option, given, 'a text');
  },
  regex: booleanOption,
  lenient: booleanOption,
  onProblem: functionOption,
};

/**
 * Decides by directives, as in Rust's tracing-subscriber: `warn,my_agent::user=debug,[provision{user=alice}]=trace`.
 * The grammar: https://github.com/kvp-tracing/kvp-tracing/blob/main/docs/reference/filters.md
 *
 * @example
 * ```ts
 * const filter = EnvFilter.parse('info,agent::net=debug,[mount{disk=sda}]=trace');
 * const layer = new StderrLayer({ filter });
 * ```
 */
export class EnvFilter implements Filter {
  readonly verbosity: number;
  /** The directives that decide by metadata alone, the most specific first. */
  readonly #statics: readonly Directive[];
  /** The directives that let more pass inside of spans. */
  readonly #dynamics: readonly Directive[];
  readonly onSpan?: (span: Metadata, fields: Fields) => SpanMatch | undefined;

  /** Ignores and reports parts that are no directive, unless `options` say otherwise. Throws `OptionError` for what is no text. */
  constructor(directives: string, options?: EnvFilterOptions) {
    const given = readOptions(OPTIONS, options);
    const { default: otherwise = 'error', regex = true, lenient = true, onProblem } = given;
    const refuse = lenient ? ignoring(onProblem) : undefined;
    let all = parseAll('filter', directives, regex, refuse);
    if (all.length === 0) all = parseAll('default', otherwise, regex, refuse);
    const statics = all.filter(({ span, fields }) => span === undefined && fields.every(hasNoValue));
    this.#statics = latest(statics).toSorted(bySpecificity);
    this.#dynamics = latest(all.filter(({ span, fields }) => span !== undefined || fields.length > 0));
    const comparesValues = !this.#dynamics.every(({ fields }) => fields.every(hasNoValue));
    this.verbosity = comparesValues ? 5 : Math.max(0, ...all.map(({ verbosity }) => verbosity));
    if (this.#dynamics.length > 0) this.onSpan = (span, fields) => this.#inside(span, fields);
  }

  /**
   * The filter of a text. Throws `FilterError`, which names the part that is no directive and the reason, unless it is
   * `lenient`; `OptionError` for what is no text.
   */
  static parse(directives: string, options?: EnvFilterOptions): EnvFilter {
    return new EnvFilter(directives, { default: '', lenient: false, ...readOptions(OPTIONS, options) });
  }

  /** The filter of an environment variable, read as by the constructor; `error` if it is not set. */
  static fromEnv(name: string): EnvFilter {
    return new EnvFilter(variable(name) ?? '');
  }

  enabled(metadata: Metadata): boolean {
    const { kind, verbosity, fieldNames } = metadata;
    if (verbosity > this.verbosity) return false;
    // A span that a directive names must exist, or nothing could happen inside of it.
    if (kind === 'span' && this.#dynamics.some((each) => isAbout(each, metadata, fieldNames))) return true;
    const first = this.#statics.find((each) => isAbout(each, metadata, fieldNames));
    return first !== undefined && verbosity <= first.verbosity;
  }

  fieldNames(kind: Metadata['kind']): FieldNames {
    const asked = kind === 'event' ? this.#statics : [...this.#statics, ...this.#dynamics];
    return asked.some(({ fields }) => fields.length > 0) ? 'all' : 'none';
  }

  #inside(span: Metadata, fields: Fields): SpanMatch | undefined {
    const about = this.#dynamics.filter((each) => isAbout(each, span, fields.names));
    return about.length === 0 ? undefined : new DirectiveMatch(about, fields);
  }
}

/** What directives let pass inside of a span that they name, once its fields had the values that they ask for. */
class DirectiveMatch implements SpanMatch {
  verbosity = 0;
  #pending: { readonly verbosity: number; readonly fields: readonly FieldMatch[] }[];

  constructor(directives: readonly Directive[], fields: Fields) {
    this.#pending = directives.map((each) => ({
      verbosity: each.verbosity,
      fields: each.fields.filter((field) => !hasNoValue(field)),
    }));
    this.record(fields);
  }

  /** As in Rust, a value that matched once counts from then on. */
  record(recorded: Fields): void {
    this.#pending = this.#pending.flatMap(({ verbosity, fields }) => {
      const left = fields.filter(({ name, value }) => value?.(recorded.get(name)) === false);
      if (left.length > 0) return [{ verbosity, fields: left }];
      this.verbosity = Math.max(this.verbosity, verbosity);
      return [];
    });
  }
}

type Refuse = (error: FilterError) => void;

/** Reports a part that is ignored. */
function ignoring(onProblem: ProblemHandler | undefined): Refuse {
  const report = guardedHandler(onProblem);
  return (error) => {
    error.message += '; it is ignored';
    report(error);
  };
}

/** The directives of a text. A part that is none goes to `refuse`; without it, its error is thrown. */
function parseAll(option: string, text: unknown, regex: boolean, refuse: Refuse | undefined): Directive[] {
  if (typeof text !== 'string') throw new OptionError(option, text, 'a text');
  return partsOf(text).flatMap((part) => {
    try {
      return [parseDirective(part, regex)];
    } catch (error) {
      if (refuse === undefined) throw error;
      refuse(error as FilterError);
      return [];
    }
  });
}

/** The directives without those that a later one replaces. */
function latest(directives: readonly Directive[]): Directive[] {
  return [...new Map(directives.map((each) => [each.selector, each])).values()];
}

function hasNoValue({ value }: FieldMatch): boolean {
  return value === undefined;
}

function isAbout({ target, span, fields }: Directive, metadata: Metadata, names: readonly string[]): boolean {
  return (
    (target === undefined || metadata.target.startsWith(target)) &&
    (span === undefined || span === metadata.name) &&
    fields.every(({ name }) => names.includes(name))
  );
}

/** The longest target first, then the most fields, then, as in Rust, the later in the alphabet. */
function bySpecificity(a: Directive, b: Directive): number {
  return (
    (b.target?.length ?? -1) - (a.target?.length ?? -1) ||
    b.fields.length - a.fields.length ||
    (a.selector < b.selector ? 1 : -1)
  );
}
