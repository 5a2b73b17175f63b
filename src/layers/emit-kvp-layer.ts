import { OptionError } from '../errors.ts';
import { AzureInitLayout } from '../diagnostics/write/azure-init-layout.ts';
import { DiagLayout } from '../diagnostics/write/diag-layout.ts';
import type { Format, Layout, SpanState } from '../diagnostics/write/layout.ts';
// So that the option `filter` may be the text of an `EnvFilter`.
import '../filter/env-filter.ts';
import type { PoolWriter, WriterStats } from '../pool/pool-writer.ts';
import type { Event } from '../tracing/event.ts';
import { Fields } from '../tracing/fields.ts';
import type { FilterInput } from '../tracing/filter.ts';
import { BaseLayer, type Deadline, type Layer, type LayerView, type Outcome } from '../tracing/layer.ts';
import type { Span } from '../tracing/span.ts';
import { KvpChannel, type KvpChannelOptions, type PoolIdentity } from './kvp-channel.ts';

/** A moment of a span that gets a record of its own. */
export type Moment = 'create' | 'enter' | 'exit' | 'close';

export interface EmitKVPLayerOptions extends KvpChannelOptions {
  /**
   * How records are laid out: `'diag'`, azure-init's diagnostics contract, or `'azure-init'`, what azure-init
   * 0.1 writes, for hosts that read nothing else. There only events inside of spans and spans that have ended
   * are written, without the spans' fields and results, and `lifecycle` has no `enter` and `exit`. Default `'diag'`.
   */
  format?: Format;
  /** Which spans and events are written. Default `'info'`. */
  filter?: FilterInput;
  /** Which moments of a span are written. Default `['create', 'close']`, because records are a budget. */
  lifecycle?: readonly Moment[];
}

/** What an `EmitKVPLayer` is set up with unless told otherwise. */
const DEFAULTS = { format: 'diag', filter: 'info', lifecycle: ['create', 'close'] } as const;

const NO_FIELDS = new Fields();

/** Tells the Azure host of spans and events, by records in a KVP pool. */
export class EmitKVPLayer extends BaseLayer implements Layer<SpanState> {
  readonly name = 'EmitKVPLayer';
  readonly timed = true;
  readonly #layout: Layout;
  readonly #moments: ReadonlySet<Moment>;
  readonly #channel: KvpChannel;
  readonly #writer: PoolWriter;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(options: EmitKVPLayerOptions = {}) {
    super(options.filter ?? DEFAULTS.filter);
    const format = formatOf(options.format ?? DEFAULTS.format);
    this.#layout = format === 'diag' ? new DiagLayout() : new AzureInitLayout();
    this.#moments = momentsOf(options.lifecycle ?? DEFAULTS.lifecycle, format);
    const reservesFinishes = format === 'diag' && this.#moments.has('close');
    this.#channel = new KvpChannel(options, { layout: this.#layout, reservesFinishes });
    this.#writer = this.#channel.writer;
  }

  /** Where, as whom and of which VM it writes. @internal */
  get identity(): PoolIdentity {
    return this.#channel.identity;
  }

  get tellsSpansTo(): string | undefined {
    return this.#moments.has('create') || this.#moments.has('close') ? this.#channel.path : undefined;
  }

  onNewSpan(span: Span, view: LayerView<SpanState>): void {
    const { handle, name, full } = this.#channel.named(this.#layout.spanName(span));
    const state: SpanState = { handle, name, full, eventTail: undefined, sawError: false };
    view.set(span, state);
    if (this.#layout.start === undefined || !this.#moments.has('create')) return;
    const payload = this.#layout.start(span, state, view.visible(span.parent));
    this.#writer.start(handle, span.metadata.verbosity, payload, span.id, name);
    this.#channel.written();
  }

  onEnter(span: Span, view: LayerView<SpanState>): void {
    if (this.#moments.has('enter')) this.#moment(span, view, 'enter');
  }

  onExit(span: Span, view: LayerView<SpanState>): void {
    if (this.#moments.has('exit')) this.#moment(span, view, 'exit');
  }

  #moment(span: Span, view: LayerView<SpanState>, message: 'enter' | 'exit'): void {
    const state = view.get(span);
    if (state === undefined) return;
    const payload = this.#layout.inside(span.metadata, message, NO_FIELDS, span, state);
    this.#writer.event(state.handle, span.metadata.verbosity, payload, state.name);
    this.#channel.written();
  }

  onClose(span: Span, view: LayerView<SpanState>): void {
    const state = view.get(span);
    if (state === undefined || !this.#moments.has('close')) return;
    const failed = span.hasFailed(state.sawError);
    const seconds = span.duration / 1000;
    const payload = this.#layout.finish(span, state);
    // What ties it to its start; without one it gets an id of its own.
    const id = this.#layout.start === undefined ? '' : span.id;
    const { verbosity } = span.metadata;
    this.#writer.finish(state.handle, verbosity, payload, id, state.name, failed ? -seconds : seconds);
    this.#channel.written();
  }

  onEvent(event: Event, view: LayerView<SpanState>): void {
    const span = view.visible(event.parent);
    const state = span === undefined ? undefined : view.get(span);
    const { metadata } = event;
    if (span === undefined || state === undefined) {
      if (this.#layout.outside === undefined) return;
      const named = this.#channel.named(event.target);
      const payload = this.#layout.outside(event, named);
      this.#writer.event(named.handle, metadata.verbosity, payload, named.name);
    } else {
      if (metadata.verbosity === 1) state.sawError = true;
      const payload = this.#layout.inside(metadata, event.message, event.fields, span, state);
      this.#writer.event(state.handle, metadata.verbosity, payload, state.name);
    }
    this.#channel.written();
  }

  /** Resolves when everything emitted so far is in the pool, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return this.#channel.flush(deadline);
  }

  /** The same, with a last record that says what was dropped; then lets go of the pool. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return this.#channel.shutdown(deadline);
  }

  /** What became of everything emitted. */
  stats(): WriterStats {
    return this.#channel.stats();
  }
}

function formatOf(given: unknown): Format {
  if (given === 'diag' || given === 'azure-init') return given;
  throw new OptionError('format', given, "'diag' or 'azure-init'");
}

function momentsOf(lifecycle: readonly Moment[], format: Format): ReadonlySet<Moment> {
  for (const moment of lifecycle) {
    if (!['create', 'enter', 'exit', 'close'].includes(moment)) {
      throw new OptionError('lifecycle', moment, 'made of create, enter, exit and close');
    }
    if (format === 'azure-init' && (moment === 'enter' || moment === 'exit')) {
      throw new OptionError('lifecycle', moment, "made of create and close where format is 'azure-init'");
    }
  }
  return new Set(lifecycle);
}
