import { type Logger, type LoggerOptions, pino } from 'pino';
import { LINE_OPTIONS, LineLayer, type LineLayerOptions } from '../layers/line-layer.ts';
import { type Checks, objectOption, readOptions } from '../option.ts';
import { BoundedCache } from '../tracing/bounded-cache.ts';
import type { Fields } from '../tracing/fields.ts';
import type { LayerView } from '../tracing/layer.ts';
import type { Metadata } from '../tracing/metadata.ts';
import type { Span } from '../tracing/span.ts';
import { cutText } from '../tracing/value.ts';
import { printableJson } from '../printable.ts';
import { withoutEcho } from './echo.ts';
import { type ErrorSerializer, plain, setOwn } from './plain.ts';

export interface JsonLayerOptions extends LineLayerOptions {
  /**
   * Options of the pino that writes the lines, such as `timestamp`, `formatters` or `redact`. Default: pino's defaults,
   * without `pid` and `hostname`.
   */
  pino?: Omit<LoggerOptions, 'enabled' | 'level' | 'mixin' | 'mixinMergeStrategy' | 'transport'> | undefined;
}

/** pino checks its own options. */
const OPTIONS: Checks<JsonLayerOptions> = { ...LINE_OPTIONS, pino: objectOption };

/** The loggers of a span's lines by target. They are dropped when a field of the span or of one around it changes. */
interface State {
  readonly loggers: BoundedCache<Logger>;
  generation: number;
  traceId: string | undefined;
}

/** The line that is written now. */
interface CurrentLine {
  verbosity: number;
  members: object;
  write(text: string): void;
}

/** pino's methods by verbosity. */
const METHODS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
/** Members that every line may have. A field of such a name gets an underscore behind its name. */
const RESERVED: ReadonlySet<string> = new Set([
  'level',
  'time',
  'target',
  'span',
  'spans',
  'trace_id',
  'span_id',
]);
const RESERVED_IN_SPAN: ReadonlySet<string> = new Set(['name']);

/**
 * Writes each event as a line of JSON by pino: `level`, `time`, `target`, inside of a span `span` and `spans` (the root
 * first), the fields, and `msg`.
 *
 * @example
 * ```ts
 * setGlobalDefault(new Registry().with(new JsonLayer({ writer: '/var/log/agent.json', filter: 'info' })));
 * ```
 */
export class JsonLayer extends LineLayer<State> {
  override readonly name = 'JsonLayer';
  readonly #pino: Logger;
  readonly #serializeError: ErrorSerializer;
  readonly #reserved: ReadonlySet<string>;
  /** Loggers of events outside of any span. */
  readonly #outside: State = { loggers: new BoundedCache(), generation: 0, traceId: undefined };
  /** The number of changes of spans' fields so far. */
  #generation = 0;
  readonly #line: CurrentLine;

  /** Throws `OptionError`, the error of opening the file, or pino's of its options. */
  constructor(given?: JsonLayerOptions) {
    const options = readOptions(OPTIONS, given);
    const own = options.pino ?? {};
    // Before a file is opened: pino may refuse its options.
    const line: CurrentLine = { verbosity: 0, members: {}, write: () => {} };
    const logger = loggerOf(own, line);
    super(options);
    line.write = (text) => this.write(line.verbosity, text);
    this.#line = line;
    this.#pino = logger;
    this.#serializeError = own.serializers?.['err'] ?? pino.stdSerializers.err;
    this.#reserved = new Set([...RESERVED, own.messageKey ?? 'msg']);
  }

  protected override keep(span: Span, view: LayerView<State>): void {
    if (view.get(span) !== undefined) this.#generation++;
    else view.set(span, { loggers: new BoundedCache(), generation: this.#generation, traceId: span.traceId });
  }

  protected override say(
    metadata: Metadata,
    span: Span | undefined,
    message: string | undefined,
    fields: Fields,
    view: LayerView<State>,
  ): void {
    const logger = this.#logger(metadata.target, span, view);
    const { names, values } = fields;
    const members = {};
    for (let i = 0; i < names.length; i++) {
      this.#add(members, this.#reserved, names[i] as string, values[i]);
    }
    this.#line.verbosity = metadata.verbosity;
    this.#line.members = members;
    const text = message === undefined ? undefined : cutText(message);
    withoutEcho(() => logger[METHODS[metadata.verbosity]](text));
  }

  /** The logger whose bindings are the members that all lines of this target in this span have. */
  #logger(target: string, span: Span | undefined, view: LayerView<State>): Logger {
    const state = (span === undefined ? undefined : view.get(span)) ?? this.#outside;
    if (span !== undefined && (state.generation !== this.#generation || state.traceId !== span.traceId)) {
      // A field of a span around it changed, or OpenTelemetry's layer has set the ids since.
      state.loggers.clear();
      state.generation = this.#generation;
      state.traceId = span.traceId;
    }
    const { loggers } = state;
    return (
      loggers.get(target) ?? loggers.add(target, (own) => this.#pino.child(this.#bindings(own, span, view)))
    );
  }

  #bindings(target: string, span: Span | undefined, view: LayerView<State>): object {
    if (span === undefined) return { target };
    const spans = view.scope(span).map(({ name, fields }) => {
      const members = { name };
      const { names, values } = fields;
      for (let i = 0; i < names.length; i++) {
        this.#add(members, RESERVED_IN_SPAN, names[i] as string, values[i]);
      }
      return members;
    });
    const ids = span.traceId === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    return { target, ...ids, span: spans.at(-1), spans };
  }

  #add(members: object, reserved: ReadonlySet<string>, name: string, value: unknown): void {
    const key = reserved.has(name) ? `${name}_` : name;
    setOwn(members, key, plain(value, this.#serializeError));
  }
}

/** The pino that writes lines. Throws what it throws of its options. */
function loggerOf(own: NonNullable<JsonLayerOptions['pino']>, line: CurrentLine): Logger {
  // `plain` has serialised errors already.
  const serializers = { ...own.serializers, err: (value: unknown) => value };
  const stream = { write: (text: string) => line.write(printableJson(text.slice(0, -1)) + '\n') };
  // As an argument, members that look like those of an HTTP request would be taken for one.
  const mixin = (): object => line.members;
  return pino({ base: null, ...own, serializers, mixin, level: 'trace' }, stream);
}
