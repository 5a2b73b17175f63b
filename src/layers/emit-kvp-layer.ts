import { WRITABLE_FORMATS, writingOf, type WritableFormat } from '../diagnostics/formats/format-table.ts';
import type { Layout, SpanState } from '../diagnostics/layout.ts';
import { finishRoom } from '../diagnostics/write/reason-members.ts';
import { anyOption, type Checks, oneOf, readOptions } from '../option.ts';
import type { WriterStats } from '../pool/pool-writer.ts';
import type { Event } from '../tracing/event.ts';
import { Fields } from '../tracing/fields.ts';
import { type FilterInput, filterOption } from '../tracing/filter.ts';
import { BaseLayer, type Deadline, type Layer, type LayerView, type Outcome } from '../tracing/layer.ts';
import type { Span } from '../tracing/span.ts';
import { type SpanEvent, spanEventsOption } from '../tracing/span-event.ts';
import { CHANNEL_OPTIONS, type KvpChannelOptions } from './channel-options.ts';
import { KvpChannel } from './kvp-channel.ts';
import type { PoolIdentity } from './pool-identity.ts';

export interface EmitKVPLayerOptions extends KvpChannelOptions {
  /**
   * How records are laid out: `'diag'`, azure-init's diagnostics contract, or `'azure-init'`, what azure-init
   * 0.1 writes, for hosts that read nothing else. That has only events in spans and spans that have ended,
   * without the fields and results of spans, and its `spanEvents` have no `enter` and `exit`. Default `'diag'`.
   */
  format?: WritableFormat | undefined;
  /** Which spans and events are written. Default `'info'`. */
  filter?: FilterInput | undefined;
  /**
   * Which moments of a span have records: `new` is its start, `close` its finish, `enter` and `exit` are events.
   * Default `['new', 'close']`, because a pool has room for few records.
   */
  spanEvents?: readonly SpanEvent[] | undefined;
}

/** The options of the layer. Which `spanEvents` there are depends on the format. */
export const KVP_OPTIONS: Checks<EmitKVPLayerOptions> = {
  ...CHANNEL_OPTIONS,
  format: oneOf(WRITABLE_FORMATS),
  filter: filterOption,
  spanEvents: anyOption,
};

const DEFAULTS = { format: 'diag', filter: 'info', spanEvents: ['new', 'close'] } as const;

const NO_FIELDS = new Fields();

/**
 * Writes spans and events as records of a KVP pool, where the Azure host reads them.
 *
 * @example
 * ```ts
 * const layer = new EmitKVPLayer({ path: 'pool', agent: 'my-agent/1.0.0', filter: 'info' });
 * setGlobalDefault(new Registry().with(layer));
 * ```
 */
export class EmitKVPLayer extends BaseLayer implements Layer<SpanState> {
  readonly name = 'EmitKVPLayer';
  readonly timed = true;
  readonly #layout: Layout;
  readonly #spanEvents: ReadonlySet<SpanEvent>;
  readonly #channel: KvpChannel;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(given?: EmitKVPLayerOptions) {
    const options = readOptions(KVP_OPTIONS, given);
    super(options.filter ?? DEFAULTS.filter);
    const format = options.format ?? DEFAULTS.format;
    const writing = writingOf(format);
    this.#layout = writing.layout();
    this.#spanEvents = spanEventsOption(
      'spanEvents',
      options.spanEvents ?? DEFAULTS.spanEvents,
      writing.spanEvents,
      `format is '${format}'`,
    );
    const reservesFinishes = this.#layout.start !== undefined && this.#spanEvents.has('close');
    this.#channel = new KvpChannel(options, { layout: this.#layout, reservesFinishes });
  }

  /** The pool it writes to, and the agent and VM it writes as. @internal */
  get identity(): PoolIdentity {
    return this.#channel.identity;
  }

  get spanFile(): string | undefined {
    return this.#spanEvents.has('new') || this.#spanEvents.has('close')
      ? this.#channel.identity.path
      : undefined;
  }

  onNewSpan(span: Span, view: LayerView<SpanState>): void {
    const name = this.#channel.recordName(this.#layout.spanName(span));
    const state: SpanState = { name, eventClosing: undefined, lastError: undefined, finishRoom: 0 };
    view.set(span, state);
    if (this.#layout.start === undefined || !this.#spanEvents.has('new')) return;
    const payload = this.#layout.start(span, name, view.visible(span.parent));
    state.finishRoom = finishRoom(payload);
    this.#channel.start(name, span.metadata.verbosity, payload, span.id);
  }

  onEnter(span: Span, view: LayerView<SpanState>): void {
    if (this.#spanEvents.has('enter')) this.#spanEvent(span, view, 'enter');
  }

  onExit(span: Span, view: LayerView<SpanState>): void {
    if (this.#spanEvents.has('exit')) this.#spanEvent(span, view, 'exit');
  }

  #spanEvent(span: Span, view: LayerView<SpanState>, message: 'enter' | 'exit'): void {
    const state = view.get(span);
    if (state === undefined) return;
    const payload = this.#layout.eventInSpan(span.metadata, message, NO_FIELDS, span, state);
    this.#channel.event(state.name, span.metadata.verbosity, payload);
  }

  onClose(span: Span, view: LayerView<SpanState>): void {
    const state = view.get(span);
    if (state === undefined || !this.#spanEvents.has('close')) return;
    const failure = span.failure(state.lastError);
    const payload = this.#layout.finish(span, state, failure);
    // The id ties a finish to its start; without starts each finish gets one of its own.
    const id = this.#layout.start === undefined ? '' : span.id;
    const { verbosity } = span.metadata;
    this.#channel.finish(state.name, verbosity, payload, id, failure !== undefined, span.duration / 1000);
  }

  onEvent(event: Event, view: LayerView<SpanState>): void {
    const { metadata } = event;
    const span = view.visible(event.parent);
    const state = span === undefined ? undefined : view.get(span);
    if (span === undefined || state === undefined) return this.#eventOutside(event);
    if (metadata.verbosity === 1) state.lastError = event;
    const payload = this.#layout.eventInSpan(metadata, event.message, event.fields, span, state);
    this.#channel.event(state.name, metadata.verbosity, payload);
  }

  #eventOutside(event: Event): void {
    if (this.#layout.eventOutside === undefined) return;
    const name = this.#channel.recordName(event.target);
    this.#channel.event(name, event.metadata.verbosity, this.#layout.eventOutside(event, name));
  }

  /** Resolves when everything emitted so far is in the pool, or at the deadline. */
  flush(deadline?: Deadline): Promise<Outcome> {
    return this.#channel.flush(deadline);
  }

  /** Flushes, with a last record that says what was dropped, and closes the pool. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return this.#channel.shutdown(deadline);
  }

  /** What became of everything emitted. */
  stats(): WriterStats {
    return this.#channel.stats();
  }
}
