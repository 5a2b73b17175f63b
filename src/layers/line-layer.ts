import { OptionError } from '../errors.ts';
import { type Checks, functionOption, pathOption } from '../option.ts';
import { Causes, Duration, Unquoted } from '../format/value-text.ts';
import type { Event } from '../tracing/event.ts';
import type { Failure } from '../tracing/failure.ts';
import { Fields } from '../tracing/fields.ts';
import { type FilterInput, filterOption } from '../tracing/filter.ts';
import {
  BaseLayer,
  type Deadline,
  type Layer,
  type LayerView,
  type Outcome,
  withinDeadline,
} from '../tracing/layer.ts';
import type { Metadata } from '../tracing/metadata.ts';
import { guardedHandler, type ProblemHandler } from '../tracing/problem-handler.ts';
import { signalOption } from '../tracing/signal-name.ts';
import type { Span } from '../tracing/span.ts';
import { type SpanEvent, spanEventsOption } from '../tracing/span-event.ts';
import { isJournal, withPriority } from '../tracing/journal.ts';
import { stackOf } from '../tracing/value.ts';
import { isTerminal } from './is-terminal.ts';
import { LineFile } from './line-file.ts';
import { LineSink } from './line-sink.ts';
import type { Lines, LinesOptions, LineStats, Writer } from './lines.ts';

export interface LineLayerOptions {
  /**
   * Where lines are written: the path of a file, a file descriptor, or an object with `write`, as a destination of
   * pino. A file is appended to and must be no link; a missing one is made with its folders, mode 0600. Default: stderr.
   */
  writer?: Writer | undefined;
  /** Which spans and events have lines. Default `'error'`; if stderr is a terminal and the writer, `'info'`. */
  filter?: FilterInput | undefined;
  /** Which moments of a span have lines. Default `['new', 'close']`. */
  spanEvents?: readonly SpanEvent[] | undefined;
  /** The signal at which the file of a path is reopened, as log rotation needs: `'SIGHUP'`. Default: none. */
  reopenOn?: NodeJS.Signals | undefined;
  /** Called with each problem. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

/** The options that all layers of lines have. */
export const LINE_OPTIONS: Checks<LineLayerOptions> = {
  writer: writerOption,
  filter: filterOption,
  spanEvents: (option, given) => [...spanEventsOption(option, given)],
  reopenOn: signalOption,
  onProblem: functionOption,
};

const DEFAULTS = { writer: 2, spanEvents: ['new', 'close'] } as const;
const STDERR = 2;
const NO_FIELDS = new Fields([], []);

/** The base of layers that write lines for events and moments of spans. */
export abstract class LineLayer<State> extends BaseLayer implements Layer<State> {
  abstract override readonly name: string;
  readonly timed: boolean;
  protected readonly lines: Lines;
  /** Whether lines go to systemd's journal: they have priorities then, and no colour. */
  protected readonly isJournal: boolean;
  /** Whether the close line of a failed span has the stack of what failed it. */
  protected readonly stacks: boolean = false;
  readonly #spanEvents: ReadonlySet<SpanEvent>;
  /** The last ERROR event in each span. */
  readonly #lastErrors = new WeakMap<Span, Event>();
  #shutdown: Promise<Outcome> | undefined;

  /** Takes options that were checked. Throws `OptionError`, or the error of opening the file. */
  constructor(options: LineLayerOptions) {
    const writer = options.writer ?? DEFAULTS.writer;
    super(options.filter ?? (writer === STDERR && isTerminal(STDERR) ? 'info' : 'error'));
    this.#spanEvents = new Set(options.spanEvents ?? DEFAULTS.spanEvents);
    this.timed = this.#spanEvents.has('close');
    this.isJournal = writer === STDERR && isJournal();
    const { reopenOn } = options;
    this.lines = linesTo(writer, { reopenOn, onProblem: guardedHandler(options.onProblem) });
  }

  onNewSpan(span: Span, view: LayerView<State>): void {
    this.keep(span, view);
    if (this.#spanEvents.has('new')) this.say(span.metadata, span, 'new', NO_FIELDS, view);
  }

  onRecord(span: Span, _fields: Fields, view: LayerView<State>): void {
    this.keep(span, view);
  }

  onEnter(span: Span, view: LayerView<State>): void {
    if (this.#spanEvents.has('enter')) this.say(span.metadata, span, 'enter', NO_FIELDS, view);
  }

  onExit(span: Span, view: LayerView<State>): void {
    if (this.#spanEvents.has('exit')) this.say(span.metadata, span, 'exit', NO_FIELDS, view);
  }

  onClose(span: Span, view: LayerView<State>): void {
    if (!this.#spanEvents.has('close')) return;
    const times = [new Duration(span.busy), new Duration(span.idle)];
    const fields = new Fields(['time.busy', 'time.idle'], times);
    const failure = span.failure(this.#lastErrors.get(span));
    if (failure !== undefined) this.#addFailure(fields, failure);
    this.say(span.metadata, span, 'close', fields, view);
  }

  #addFailure(fields: Fields, { reason, sources, error }: Failure): void {
    fields.set('result', new Unquoted('fail'));
    if (reason !== undefined) fields.set('reason', reason);
    if (sources.length > 0) fields.set('reason.sources', Causes.from(sources));
    const stack = this.stacks && error !== undefined ? stackOf(error) : undefined;
    if (stack !== undefined) fields.set('reason.stack', stack);
  }

  onEvent(event: Event, view: LayerView<State>): void {
    const span = view.visible(event.parent);
    if (event.metadata.verbosity === 1 && span !== undefined && this.timed) this.#lastErrors.set(span, event);
    this.say(event.metadata, span, event.message, event.fields, view);
  }

  /** Keeps with a span the text that its lines need; called again when its fields change. */
  protected abstract keep(span: Span, view: LayerView<State>): void;

  /** Writes the line of an event in `span`, or of a moment of it. */
  protected abstract say(
    metadata: Metadata,
    span: Span | undefined,
    message: string | undefined,
    fields: Fields,
    view: LayerView<State>,
  ): void;

  /** Writes a text that ends in a line feed. */
  protected write(verbosity: number, text: string): void {
    this.lines.write(this.isJournal ? withPriority(verbosity, text) : text, verbosity);
  }

  /** Resolves when everything emitted so far is written, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return withinDeadline(deadline, (own) => this.lines.flush(own));
  }

  /** Flushes, then closes the file that it opened. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= withinDeadline(deadline, (own) => this.lines.end(own)));
  }

  /** Counts of lines. */
  stats(): LineStats {
    return this.lines.stats();
  }
}

/** The output for a writer. Throws `OptionError`, or the error of opening a file. */
function linesTo(writer: Writer, options: LinesOptions): Lines {
  if (options.reopenOn !== undefined && typeof writer !== 'string') {
    throw new OptionError('reopenOn', options.reopenOn, 'left out unless writer is a path');
  }
  return typeof writer === 'object' ? new LineSink(writer, options) : new LineFile(writer, options);
}

function writerOption(option: string, given: unknown): Writer {
  if (typeof given === 'string') return pathOption(option, given);
  const isDescriptor = Number.isInteger(given) && (given as number) >= 0;
  const isWriter =
    typeof given === 'object' && typeof (given as Partial<LineSink> | null)?.write === 'function';
  if (isDescriptor || isWriter) return given as Writer;
  throw new OptionError(option, given, 'a file descriptor, a path or an object with write()');
}
