import type { Attributes } from '@opentelemetry/api';
import { producerOf } from '../../diagnostics/diagnostic.ts';
import { type PoolSource, readDiagnostics } from '../../diagnostics/read/read-diagnostics.ts';
import { OptionError } from '../../errors.ts';
import {
  anyOption,
  booleanOption,
  type Checks,
  functionOption,
  isPlain,
  millisecondsOption,
  readOptions,
} from '../../option.ts';
import { type RedactOption, Redactor } from '../../tracing/redactor.ts';
import { forwardTo, type ReplayTarget } from './forward.ts';
import { type PoolSpan, poolSpans } from './pool-spans.ts';
import { ProducerResource, replayedSpan } from './replayed-span.ts';
import { Date } from '../../tracing/timers.ts';

/** The spans that were forwarded so far: a plain object that can be stored as JSON. */
export interface ReplayCursor {
  /** A key for each forwarded span that is still in the pool: 16 hexadecimal digits, not always its id. */
  readonly forwarded: readonly string[];
}

export interface ReplayOptions {
  /**
   * Which spans are not forwarded again: those of the `next` that an earlier replay returned, or all that ended until
   * a time. Default: none.
   */
  since?: ReplayCursor | Date | undefined;
  /**
   * Whether spans that have not ended are forwarded, as failed spans with the status message `unfinished`; their last
   * event is their end. They are not forwarded again when they do end, so this is for pools whose programs are gone.
   * Default `false`.
   */
  unfinished?: boolean | undefined;
  /** Whether events outside of spans are forwarded, each in a span of its name and no length. Default `false`. */
  events?: boolean | undefined;
  /**
   * Fields whose values are not forwarded, besides those whose names say that they are secret; as for `Registry`. Who
   * wrote to the pool may have had other rules.
   */
  redact?: RedactOption | undefined;
  /** Milliseconds that the exporter or provider may take for each 512 spans. Default `30000`. */
  timeout?: number | undefined;
  /** Attributes of the resource of all spans, besides those that the pool tells; these take precedence. Default: none. */
  resource?: Attributes | undefined;
  /**
   * Is called, and waited for, each time that the target took up to 512 spans. Who stores `forwarded` then can go on
   * where a replay ended, however it did. What it throws ends the replay, which rejects with that.
   */
  onBatch?: ((batch: ReplayedBatch) => unknown) | undefined;
}

/** Spans that the target took at once. */
export interface ReplayedBatch extends ReplayCursor {
  readonly spans: number;
  /** Events in these spans. */
  readonly events: number;
}

/** What came of a replay. */
export interface Replayed {
  /** Spans that were forwarded. */
  spans: number;
  /** Events in these spans. */
  events: number;
  /** Spans that have not ended and events outside of spans, if these were not asked for. */
  skipped: number;
  /** The `since` of the next replay. */
  next: ReplayCursor;
}

/** `pastOf` and `Redactor` check their options themselves. */
const OPTIONS: Checks<ReplayOptions> = {
  since: anyOption,
  unfinished: booleanOption,
  events: booleanOption,
  redact: anyOption,
  timeout: millisecondsOption,
  resource: resourceOption,
  onBatch: functionOption,
};
const TIMEOUT = 30_000;
/** Spans in one export, as many as in one of the SDK's `BatchSpanProcessor`. */
const BATCH = 512;

/**
 * Forwards the spans of a pool, whoever wrote them, to OpenTelemetry, as they would have been exported when they
 * happened: with their times, attributes, events and status, and for each producer a resource with `service.name`,
 * `service.version` and `host.id`, the VM's id.
 *
 * To an exporter, spans keep the ids that are recorded; if none are recorded, they get ids made from their event_id,
 * the same in each replay. A provider makes its own span ids, and its resource is that of all spans, so that the
 * producer's goes into the attributes. Trace ids and parents are kept: the first span of a trace becomes the child
 * of a span with the id that it should have. Spans that a provider's processor drops, or that its exporter loses
 * without an error, count as forwarded.
 *
 * Rejects with `OptionError`, with the errors of reading the pool, and with `ExportError` if the target did not take
 * spans; its `cause` says why, and the cursor that was given is still valid.
 *
 * @example
 * ```ts
 * const target = await otlpTarget();
 * const { next } = await replay('pool', target);
 * target.close();
 * await writeFile('sent.json', JSON.stringify(next)); // the next time: { since: next }
 * ```
 */
export async function replay(pool: PoolSource, to: ReplayTarget, options?: ReplayOptions): Promise<Replayed> {
  const own = readOptions(OPTIONS, options);
  const { unfinished = false, events = false, timeout = TIMEOUT } = own;
  const { resource: added = {}, onBatch } = own;
  const redactor = new Redactor(own.redact);
  const before = pastOf(own.since);
  const forward = forwardTo(to, timeout);
  const { diagnostics } = await readDiagnostics(pool);

  const isWanted = { finished: true, unfinished, event: events };
  const next: string[] = [];
  const fresh: PoolSpan[] = [];
  let skipped = 0;
  for (const span of poolSpans(diagnostics)) {
    const wasForwarded = before.keys.has(span.key) || (isWanted[span.kind] && span.end <= before.time);
    if (!wasForwarded && !isWanted[span.kind]) skipped++;
    else {
      next.push(span.key);
      if (!wasForwarded) fresh.push(span);
    }
  }

  const resources = new Map<string, ProducerResource>();
  for (let start = 0; start < fresh.length; start += BATCH) {
    const batch = fresh.slice(start, start + BATCH);
    await forward(batch.map((span) => replayedSpan(span, resourceOf(span, resources, added), redactor)));
    const forwarded = batch.map(({ key }) => key);
    await onBatch?.({ spans: batch.length, events: eventsIn(batch), forwarded });
  }
  return { spans: fresh.length, events: eventsIn(fresh), skipped, next: { forwarded: next } };
}

function eventsIn(spans: readonly PoolSpan[]): number {
  return spans.reduce((sum, { node }) => sum + node.events.length, 0);
}

function resourceOption(option: string, given: unknown): Attributes {
  if (isPlain(given) && Object.values(given).every(isAttribute)) return { ...given };
  throw new OptionError(option, given, 'an object of texts, numbers, booleans, or lists of one of these');
}

function isAttribute(value: unknown): boolean {
  const types = (Array.isArray(value) ? value : [value]).map((member) => typeof member);
  return types.every((type) => ['string', 'number', 'boolean'].includes(type) && type === types[0]);
}

/** What was forwarded before: spans by their keys, or all that ended until a time in milliseconds since 1970. */
function pastOf(since: unknown): { keys: ReadonlySet<unknown>; time: number } {
  if (since === undefined) return { keys: new Set(), time: -Infinity };
  if (since instanceof Date && !Number.isNaN(since.getTime())) {
    return { keys: new Set(), time: since.getTime() };
  }
  const keys: unknown = (since as Partial<ReplayCursor> | null)?.forwarded;
  if (!Array.isArray(keys))
    throw new OptionError('since', since, 'a date or what a replay returned as `next`');
  return { keys: new Set(keys), time: -Infinity };
}

/** One object for each producer, because exporters group spans by the identity of their resource. */
function resourceOf(
  { diagnostics: [from] }: PoolSpan,
  known: Map<string, ProducerResource>,
  added: Attributes,
): ProducerResource {
  const producer = producerOf(from);
  let resource = known.get(producer);
  if (resource === undefined) {
    resource = ProducerResource.of(from).merge({ attributes: added });
    known.set(producer, resource);
  }
  return resource;
}
