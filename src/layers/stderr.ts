import { OptionError } from '../errors.ts';
import { durationText, fieldsText } from '../format/values.ts';
import { fullLine, scopeText } from '../format/full.ts';
import { wallMicros } from '../tracing/clock.ts';
import type { Event } from '../tracing/event.ts';
import type { FilterInput } from '../tracing/filter.ts';
import { BaseLayer, type Deadline, type Layer, type LayerView, type Outcome } from '../tracing/layer.ts';
import type { Span } from '../tracing/span.ts';
import { Lines, type Writer } from './lines.ts';

/** A moment of a span that gets a line of its own. */
export type SpanEvent = 'new' | 'enter' | 'exit' | 'close';

export interface StderrLayerOptions {
  /** Where lines go: a file descriptor, a file's path, or what has `write`. Default: stderr. */
  writer?: Writer;
  /** Which spans and events have lines. Default `'error'`, on a terminal `'info'`. */
  filter?: FilterInput;
  /** Which moments of a span have lines. Default `['new', 'close']`. */
  spanEvents?: readonly SpanEvent[];
}

/** Writes a line for each event, and for a span when it begins and ends, for people to read. */
export class StderrLayer extends BaseLayer implements Layer<string> {
  readonly name = 'StderrLayer';
  readonly timed: boolean;
  readonly #lines: Lines;
  readonly #moments: ReadonlySet<SpanEvent>;
  #shutdown: Promise<Outcome> | undefined;

  /** Throws `OptionError`, or the error of opening the file. */
  constructor(options: StderrLayerOptions = {}) {
    super(options.filter ?? (process.stderr.isTTY && options.writer === undefined ? 'info' : 'error'));
    this.#moments = momentsOf(options.spanEvents ?? ['new', 'close']);
    this.timed = this.#moments.has('close');
    this.#lines = new Lines(options.writer ?? 2);
  }

  onNewSpan(span: Span, view: LayerView<string>): void {
    view.set(span, scopeText(span.name, fieldsText(span.fields)));
    if (this.#moments.has('new')) this.#spanLine(span, view, 'new');
  }

  onRecord(span: Span, _fields: unknown, view: LayerView<string>): void {
    view.set(span, scopeText(span.name, fieldsText(span.fields)));
  }

  onEnter(span: Span, view: LayerView<string>): void {
    if (this.#moments.has('enter')) this.#spanLine(span, view, 'enter');
  }

  onExit(span: Span, view: LayerView<string>): void {
    if (this.#moments.has('exit')) this.#spanLine(span, view, 'exit');
  }

  onClose(span: Span, view: LayerView<string>): void {
    if (!this.#moments.has('close')) return;
    const times = `time.busy=${durationText(span.busy)} time.idle=${durationText(span.idle)}`;
    this.#spanLine(span, view, 'close', times);
  }

  onEvent(event: Event, view: LayerView<string>): void {
    const { level, target, message } = event;
    const scopes = scopesOf(event.parent, view);
    const fields = fieldsText(event.fields);
    this.#lines.write(fullLine({ micros: wallMicros(), level, target, scopes, message, fields }));
  }

  #spanLine(span: Span, view: LayerView<string>, message: string, fields = ''): void {
    const { level, target } = span.metadata;
    const scopes = scopesOf(span, view);
    this.#lines.write(fullLine({ micros: wallMicros(), level, target, scopes, message, fields }));
  }

  flush(deadline?: Deadline): Promise<Outcome> {
    return this.#lines.flush(deadline);
  }

  /** Writes what waits, then closes a file of its own. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= this.#lines.end(deadline));
  }

  /** Lines written and dropped. */
  stats(): { lines: number; dropped: number } {
    return this.#lines.stats();
  }
}

function scopesOf(span: Span | undefined, view: LayerView<string>): string {
  let scopes = '';
  for (let at = view.visible(span); at !== undefined; at = view.visible(at.parent)) {
    scopes = (view.get(at) ?? '') + scopes;
  }
  return scopes;
}

function momentsOf(spanEvents: readonly SpanEvent[]): ReadonlySet<SpanEvent> {
  for (const moment of spanEvents) {
    if (!['new', 'enter', 'exit', 'close'].includes(moment)) {
      throw new OptionError('spanEvents', moment, 'made of new, enter, exit and close');
    }
  }
  return new Set(spanEvents);
}
