import { DroppedError, OptionError } from '../errors.ts';
import { AzureInitLayout } from '../diagnostics/azure-init.ts';
import { DiagLayout } from '../diagnostics/diag-layout.ts';
import type { Layout, Named, SpanState } from '../diagnostics/layout.ts';
// So that the option `filter` may be the text of an `EnvFilter`.
import '../filter/env-filter.ts';
import { DEFAULT_AGENT, legalAgent, legalName } from '../diagnostics/names.ts';
import { atExit, exitTimeLeft } from '../tracing/at-exit.ts';
import { bootTime } from '../pool/boot-time.ts';
import { DEFAULT_POOL_PATH, openWriter } from '../pool/pool.ts';
import type { Format, PoolWriter, WriterStats } from '../pool/writer.ts';
import { vmId } from '../pool/vm-id.ts';
import type { Event } from '../tracing/event.ts';
import { Fields } from '../tracing/fields.ts';
import type { FilterInput } from '../tracing/filter.ts';
import { BaseLayer, type Deadline, type Layer, type LayerView, type Outcome } from '../tracing/layer.ts';
import { type ProblemHandler, guarded } from '../tracing/problem.ts';
import type { Span } from '../tracing/span.ts';

/** A moment of a span that gets a record of its own. */
export type Moment = 'create' | 'enter' | 'exit' | 'close';

export interface EmitKVPLayerOptions {
  /** The pool's file. Default: pool 1, `/var/lib/hyperv/.kvp_pool_1`. */
  path?: string;
  /**
   * How records are laid out: `'diag'`, azure-init's diagnostics contract, or `'azure-init'`, what azure-init
   * 0.1 writes, for hosts that read nothing else. There only events inside of spans and spans that have ended
   * are written, without the spans' fields and results, and `lifecycle` has no `enter` and `exit`. Default `'diag'`.
   */
  format?: 'diag' | 'azure-init';
  /** The VM's id, at most 36 bytes. Default: this VM's. */
  vmId?: string;
  /** Who writes, `name/version`; a name that is too long is cut. Default: this package. */
  agent?: string;
  /** Records that the pool may have, whoever wrote them. Default `1024`. */
  maxRecords?: number;
  /** Bytes of the queue, at least 4,096, rounded up to a power of two. Default 2 MiB. */
  queueBytes?: number;
  /** Which spans and events are written. Default `'info'`. */
  filter?: FilterInput;
  /** Which moments of a span are written. Default `['create', 'close']`, because records are a budget. */
  lifecycle?: readonly Moment[];
  /** Empty a pool of an earlier boot when opening it. Default: `true` for the default pool, else `false`. */
  clearStale?: boolean;
  /**
   * `'queued'`: an emit only queues. `'write-through'`: it writes, in the caller's thread, unless somebody
   * holds a lock; for programs that are about to be killed. Default `'queued'`.
   */
  durability?: 'queued' | 'write-through';
  /** Hears of problems. Default: a line on stderr each. */
  onProblem?: ProblemHandler;
}

/** What an `EmitKVPLayer` is set up with unless told otherwise. */
const DEFAULTS = {
  path: DEFAULT_POOL_PATH,
  format: 'diag',
  agent: DEFAULT_AGENT,
  // libazureinit-kvp's HV_KVP_EXCHANGE_MAX_RECORDS
  maxRecords: 1024,
  queueBytes: 2 * 1024 * 1024,
  filter: 'info',
  lifecycle: ['create', 'close'],
  durability: 'queued',
} as const;

/** Milliseconds: for a flush unless it is told otherwise, for letting go of the pool, for a record once the process exits. */
const FLUSH_TIMEOUT = 5000;
const CLOSE_TIMEOUT = 100;
const EXIT_WRITE = 100;
/** Problems are told this long after an emit, in milliseconds. */
const WATCH = 1000;
/** Names that are kept; a program that makes them up as it goes pays for them each time. */
const CACHED_MAX = 1024;
/** A flush of an idle disk takes less than so many turns of the event loop. */
const SPINS = 50;

const NO_FIELDS = new Fields();

/** Where, as whom and of which VM a layer writes. */
export interface Place {
  readonly path: string;
  /** `name/version`, in 32 bytes. */
  readonly agent: string;
  readonly vmId: string;
  /** Whether what an earlier boot left there is to go. */
  readonly clearsStale: boolean;
}

/** The place that options name. Throws `OptionError`. */
export function placeOf(options: EmitKVPLayerOptions): Place {
  return {
    path: textOf('path', options.path ?? DEFAULTS.path),
    agent: legalAgent(textOf('agent', options.agent ?? DEFAULTS.agent)),
    vmId: textOf('vmId', options.vmId ?? vmId({ onProblem: guarded(options.onProblem) })),
    clearsStale: options.clearStale ?? options.path === undefined,
  };
}

/** Tells the Azure host of spans and events, by records in a KVP pool. */
export class EmitKVPLayer extends BaseLayer implements Layer<SpanState> {
  readonly name = 'EmitKVPLayer';
  readonly timed = true;
  /** Where, as whom and of which VM it writes. */
  readonly place: Place;
  readonly #layout: Layout;
  readonly #writer: PoolWriter;
  readonly #moments: ReadonlySet<Moment>;
  readonly #onProblem: ProblemHandler;
  readonly #forgetExit: () => void;
  /** Of names: what stands in keys for them. */
  readonly #names = new Map<string, Named>();
  #exiting = false;
  #watch: NodeJS.Timeout | undefined;
  #saidDropped = 0;
  #saidMissing = 0;
  #saidError: unknown;
  #shutdown: Promise<Outcome> | undefined;

  /** Throws `OptionError`, `FieldError`, `NotAPoolFileError` or `IoError`; a missing folder is waited for. */
  constructor(options: EmitKVPLayerOptions = {}) {
    super(options.filter ?? DEFAULTS.filter);
    this.#onProblem = guarded(options.onProblem);
    const format = formatOf(options.format ?? DEFAULTS.format);
    this.#layout = format === 'diag' ? new DiagLayout() : new AzureInitLayout();
    this.#moments = momentsOf(options.lifecycle ?? DEFAULTS.lifecycle, format);
    this.place = placeOf(options);
    const staleBefore = this.place.clearsStale ? bootTime() : undefined;
    this.#writer = openWriter({
      path: this.place.path,
      agent: this.place.agent,
      vmId: this.place.vmId,
      format,
      reservesFinishes: format === 'diag' && this.#moments.has('close'),
      maxRecords: countOf('maxRecords', options.maxRecords ?? DEFAULTS.maxRecords, 1),
      queueBytes: countOf('queueBytes', options.queueBytes ?? DEFAULTS.queueBytes, 4096),
      writeThrough: durabilityOf(options.durability ?? DEFAULTS.durability) === 'write-through',
      ...(staleBefore === undefined ? undefined : { staleBefore }),
    });
    this.#forgetExit = atExit((milliseconds) => this.#exit(milliseconds));
  }

  onNewSpan(span: Span, view: LayerView<SpanState>): void {
    const { handle, name, full } = this.#named(this.#layout.spanName(span));
    const state: SpanState = { handle, name, full, eventTail: undefined, sawError: false };
    view.set(span, state);
    if (this.#layout.start === undefined || !this.#moments.has('create')) return;
    const payload = this.#layout.start(span, state, view.visible(span.parent));
    this.#writer.start(handle, span.metadata.verbosity, payload, span.id, name);
    this.#written();
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
    this.#written();
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
    this.#written();
  }

  onEvent(event: Event, view: LayerView<SpanState>): void {
    const span = view.visible(event.parent);
    const state = span === undefined ? undefined : view.get(span);
    const { metadata } = event;
    if (span === undefined || state === undefined) {
      if (this.#layout.outside === undefined) return;
      const named = this.#named(event.target);
      const payload = this.#layout.outside(event, named);
      this.#writer.event(named.handle, metadata.verbosity, payload, named.name);
    } else {
      if (metadata.verbosity === 1) state.sawError = true;
      const payload = this.#layout.inside(metadata, event.message, event.fields, span, state);
      this.#writer.event(state.handle, metadata.verbosity, payload, state.name);
    }
    this.#written();
  }

  /** Once the process exits nothing waits any more: each record goes to the file at once. */
  #written(): void {
    if (this.#exiting) this.#writer.wait(Math.min(EXIT_WRITE, exitTimeLeft()));
    else this.#watch ??= setTimeout(this.#look, WATCH).unref();
  }

  /** Some time after an emit: whoever never flushes wants to hear of problems too. */
  readonly #look = (): void => {
    this.#watch = undefined;
    this.#outcome(true);
  };

  #named(name: string): Named {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const { text, full } = legalName(name, this.#layout.nameMax);
    if (this.#names.size >= CACHED_MAX) return { handle: 0, name: text, full };
    const named = { handle: this.#writer.name(text), name: text, full };
    this.#names.set(name, named);
    return named;
  }

  /** Resolves when everything emitted so far is in the pool, or at the deadline. */
  async flush({ timeout = FLUSH_TIMEOUT }: Deadline = {}): Promise<Outcome> {
    return this.#outcome(await drain(this.#writer, timeout));
  }

  /** The same, with a last record that says what was dropped; then lets go of the pool. Idempotent. */
  shutdown(deadline?: Deadline): Promise<Outcome> {
    return (this.#shutdown ??= this.#end(deadline));
  }

  async #end({ timeout = FLUSH_TIMEOUT }: Deadline = {}): Promise<Outcome> {
    this.#writer.seal();
    const complete = await drain(this.#writer, timeout);
    this.#writer.close(CLOSE_TIMEOUT);
    this.#forgetExit();
    clearTimeout(this.#watch);
    return this.#outcome(complete);
  }

  #exit(milliseconds: number): void {
    this.#exiting = true;
    this.#writer.seal();
    const complete = this.#writer.wait(milliseconds);
    // What could not be written in that time won't be: it is counted, and what comes later as well.
    if (!complete) this.#writer.close(CLOSE_TIMEOUT);
    this.#outcome(complete);
  }

  #outcome(complete: boolean): Outcome {
    const { dropped, missing, lastError } = this.#writer.stats();
    const counts = Object.entries(dropped).flatMap(([reason, levels]) =>
      Object.entries(levels).map(([level, count]) => ({ count, text: `${count} ${level} (${reason})` })),
    );
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    const problems: Error[] = [];
    if (lastError !== undefined && lastError.message !== this.#saidError) {
      this.#saidError = lastError.message;
      problems.push(lastError);
    }
    if (total > 0 && this.#saidDropped === 0) {
      problems.push(
        new DroppedError(
          `the pool misses ${total} ${total === 1 ? 'record' : 'records'}: ${counts.map(({ text }) => text).join(', ')}`,
        ),
      );
    }
    this.#saidDropped = total;
    if (missing > 0 && this.#saidMissing === 0) {
      problems.push(
        new DroppedError(
          `${missing} records are gone from the pool: it was cleared or deleted, or hv_kvp_daemon rewrote it meanwhile`,
        ),
      );
    }
    this.#saidMissing = missing;
    for (const problem of problems) this.#onProblem(problem);
    return { complete, dropped: total, problems };
  }

  /** What became of everything emitted. */
  stats(): WriterStats {
    return this.#writer.stats();
  }
}

/** Polls, so that nothing calls from another thread into an environment that may be closing. */
async function drain(writer: PoolWriter, timeout: number): Promise<boolean> {
  const position = writer.position();
  const deadline = performance.now() + timeout;
  for (let turn = 0; !writer.isDrained(position); turn++) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => {
      if (turn < SPINS) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
  }
  return true;
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

function durabilityOf(given: unknown): string {
  if (given === 'queued' || given === 'write-through') return given;
  throw new OptionError('durability', given, "'queued' or 'write-through'");
}

function textOf(option: string, given: unknown): string {
  if (typeof given !== 'string' || given === '' || (option === 'path' && given.includes('\0'))) {
    throw new OptionError(option, given, 'a text that is not empty (a path also without NUL)');
  }
  return given;
}

function countOf(option: string, given: unknown, least: number): number {
  if (!Number.isSafeInteger(given) || (given as number) < least || (given as number) > 2 ** 31) {
    throw new OptionError(option, given, `a whole number from ${least} to ${2 ** 31}`);
  }
  return given as number;
}
