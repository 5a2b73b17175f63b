import { producerOf } from '../../diagnostics/diagnostic.ts';
import { type PoolSource, readDiagnostics } from '../../diagnostics/read/read-diagnostics.ts';
import { OptionError } from '../../errors.ts';
import { forwardTo, type ReplayTarget } from './forward.ts';
import { type PoolSpan, poolSpans } from './pool-spans.ts';
import { ProducerResource, replayedSpan } from './replayed-span.ts';

/** What was forwarded up to a replay: a plain object, which a file keeps as JSON. */
export interface ReplayCursor {
  /** Of spans that are still in the pool: 16 hexadecimal digits each, which need not be those of its id. */
  readonly forwarded: readonly string[];
}

export interface ReplayOptions {
  /**
   * What is not to be forwarded again: that which an earlier replay returned as `next`, or all that ended
   * until a moment. Default: nothing.
   */
  since?: ReplayCursor | Date;
  /**
   * Forward spans that did not end, too, as failed ones with the status message `unfinished` that ended with
   * the last that is known of them. They are not forwarded again when they do end, so this is for pools whose
   * programs are gone. Default `false`: they wait for their end.
   */
  unfinished?: boolean;
  /** Forward events outside of spans, too, each in a span of its own that has its name and no length. Default `false`. */
  events?: boolean;
  /** Milliseconds that the exporter or provider may take for each 512 spans. Default `30000`. */
  timeout?: number;
}

/** What came of a replay. */
export interface Replayed {
  /** Spans that were forwarded. */
  spans: number;
  /** Events in them. */
  events: number;
  /** Spans that have not ended and events outside of spans that were not asked for. */
  skipped: number;
  /** The next replay's `since`. */
  next: ReplayCursor;
}

const TIMEOUT = 30_000;
/** Spans that are exported at once, as many as the SDK's `BatchSpanProcessor` does. */
const BATCH = 512;

/**
 * Forwards the spans of a pool, whoever wrote them, to OpenTelemetry, as they would have been exported when they
 * happened: with their times, attributes, events and status, and per writer a resource with `service.name`,
 * `service.version` and `host.id`, the VM's id.
 *
 * Give an exporter: spans keep the ids that are recorded, and get some made of their event_id where none are,
 * the same in each replay. A provider makes span ids of its own and its resource stands for all, so that the
 * writer's goes into the attributes. Trace ids stay: each span is in the trace, and below the id, where it
 * belongs, the first of a trace below the one that it would have had itself. What a provider's processor
 * drops, or its exporter does not take without saying so, counts as forwarded.
 *
 * Rejects with `OptionError`, with what reading the pool throws, and with `ExportError` when spans were not
 * taken; the cursor that was given then still holds. `cause` says why.
 */
export async function replay(
  pool: PoolSource,
  to: ReplayTarget,
  options: ReplayOptions = {},
): Promise<Replayed> {
  const { unfinished = false, events = false, timeout = TIMEOUT } = options;
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new OptionError('timeout', timeout, 'milliseconds from 0');
  }
  const before = pastOf(options.since);
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
    await forward(batch.map((span) => replayedSpan(span, resourceOf(span, resources))));
  }
  const eventCount = fresh.reduce((sum, { node }) => sum + node.events.length, 0);
  return { spans: fresh.length, events: eventCount, skipped, next: { forwarded: next } };
}

/** What was forwarded before: spans by their keys, and all until a time in milliseconds since 1970. */
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

/** One for each writer: exporters group spans by the very object. */
function resourceOf({ told: [from] }: PoolSpan, known: Map<string, ProducerResource>): ProducerResource {
  const producer = producerOf(from);
  let resource = known.get(producer);
  if (resource === undefined) known.set(producer, (resource = ProducerResource.of(from)));
  return resource;
}
