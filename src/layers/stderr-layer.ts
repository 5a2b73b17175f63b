import { OptionError } from '../errors.ts';
import { booleanOption, type Checks, readOptions } from '../option.ts';
import { CompactFormat } from '../format/compact-format.ts';
import { FullFormat } from '../format/full-format.ts';
import type { LineFormat, SpanText, ContextText } from '../format/line-format.ts';
import { PrettyFormat } from '../format/pretty-format.ts';
import { Unquoted } from '../format/value-text.ts';
import { wallMicros } from '../tracing/clock.ts';
import { variables } from '../tracing/environment.ts';
import { Fields } from '../tracing/fields.ts';
import type { LayerView } from '../tracing/layer.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { LINE_OPTIONS, LineLayer, type LineLayerOptions } from './line-layer.ts';

export interface StderrLayerOptions extends LineLayerOptions {
  /**
   * tracing-subscriber's formats of these names: `'full'` and `'compact'` have one line for an event, `'compact'`
   * with the fields of spans at its end, `'pretty'` has several. Default `'full'`.
   */
  format?: 'full' | 'compact' | 'pretty' | undefined;
  /**
   * Whether levels, names and spans are coloured; in the journal they never are. Default: on a terminal unless
   * `NO_COLOR` is set; if `FORCE_COLOR` is set, that decides for all outputs but files.
   */
  color?: boolean | undefined;
  /**
   * Whether lines end with the OpenTelemetry ids of their span or of its nearest ancestor that has some:
   * `trace_id=… span_id=…`. JSON always has them. Default `false`.
   */
  traceIds?: boolean | undefined;
  /**
   * Whether an Error's stack follows it, as `error.stack="…"` with `\n` for its line breaks, and that of what failed a
   * span its reason on the close line. JSON always has those of Errors. Default `false`.
   */
  stacks?: boolean | undefined;
}

const FORMATS = { full: FullFormat, compact: CompactFormat, pretty: PrettyFormat };

/** The options of the layer. */
export const STDERR_OPTIONS: Checks<StderrLayerOptions> = {
  ...LINE_OPTIONS,
  format: formatOption,
  color: booleanOption,
  traceIds: booleanOption,
  stacks: booleanOption,
};

/**
 * Writes events and moments of spans as lines of text for people.
 *
 * @example
 * ```ts
 * const layer = new StderrLayer({ format: 'compact', filter: 'info', spanEvents: ['close'] });
 * setGlobalDefault(new Registry().with(layer));
 * ```
 */
export class StderrLayer extends LineLayer<SpanText> {
  override readonly name = 'StderrLayer';
  readonly #format: LineFormat;
  readonly #traceIds: boolean;
  protected override readonly stacks: boolean;

  /** Throws `OptionError`, or the error of opening the file. */
  constructor(given?: StderrLayerOptions) {
    const options = readOptions(STDERR_OPTIONS, given);
    const { format = 'full', color, traceIds = false, stacks = false } = options;
    super(options);
    this.stacks = stacks;
    this.#traceIds = traceIds;
    const isFile = typeof options.writer === 'string';
    this.#format = new FORMATS[format](!this.isJournal && (color ?? (!isFile && this.#wantsColor())), stacks);
  }

  #wantsColor(): boolean {
    const { FORCE_COLOR = '', NO_COLOR = '' } = variables();
    if (FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
    return NO_COLOR === '' && this.lines.isTerminal;
  }

  protected override keep(span: Span, view: LayerView<SpanText>): void {
    view.set(span, this.#format.spanText(span));
  }

  protected override say(
    metadata: Metadata,
    span: Span | undefined,
    message: string | undefined,
    fields: Fields,
    view: LayerView<SpanText>,
  ): void {
    const scopes: ContextText = { before: '', behind: '' };
    for (let at = span; at !== undefined; at = view.visible(at.parent)) {
      const scope = view.get(at);
      if (scope !== undefined) this.#format.enclose(scopes, scope);
    }
    const shown = this.#traceIds ? withTraceIds(fields, span) : fields;
    const text = this.#format.line(wallMicros(), metadata, scopes, message, shown);
    this.write(metadata.verbosity, text);
  }
}

function withTraceIds(fields: Fields, span: Span | undefined): Fields {
  let at = span;
  while (at !== undefined && at.spanId === undefined) at = at.parent;
  if (at?.traceId === undefined || at.spanId === undefined) return fields;
  const ids = [new Unquoted(at.traceId), new Unquoted(at.spanId)];
  return new Fields([...fields.names, 'trace_id', 'span_id'], [...fields.values, ...ids]);
}

function formatOption(option: string, given: unknown): keyof typeof FORMATS {
  if (given === 'full' || given === 'compact' || given === 'pretty') return given;
  throw new OptionError(
    option,
    given,
    'full, compact or pretty (json is JsonLayer of kvp-tracing/pino, or that of initializeTracing)',
  );
}
