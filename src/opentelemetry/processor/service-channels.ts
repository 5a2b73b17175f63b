import { DiagLayout } from '../../diagnostics/write/diag-layout.ts';
import type { KvpChannelOptions } from '../../layers/channel-options.ts';
import { KvpChannel } from '../../layers/kvp-channel.ts';
import type { WriterStats } from '../../pool/pool-writer.ts';
import { guardedHandler, type ProblemHandler } from '../../tracing/problem-handler.ts';

/** What is read of a resource of OpenTelemetry's SDK, 2 or 3. */
export interface ResourceOf {
  readonly attributes: object;
  readonly asyncAttributesPending?: boolean | undefined;
  getRawAttributes?(): readonly (readonly [string, unknown])[];
}

/** More services than these in one process write as the option says. */
const SERVICES_MAX = 16;

/** The pool, as each service of a process writes to it: the agent is a part of each record's key. */
export class ServiceChannels {
  /** The absolute path of the pool. */
  readonly path: string;
  readonly #options: KvpChannelOptions;
  readonly #byAgent = new Map<string | undefined, KvpChannel>();
  #latest: { readonly resource: ResourceOf | undefined; readonly channel: KvpChannel } | undefined;

  /** Opens the pool. Throws as `KvpChannel` does. */
  constructor(options: KvpChannelOptions) {
    const tell = guardedHandler(options.onProblem);
    const told = new Set<string>();
    // Two channels have the same trouble with one pool.
    const onProblem: ProblemHandler = (problem) => {
      if (told.has(problem.message)) return;
      told.add(problem.message);
      tell(problem);
    };
    this.#options = { ...options, onProblem };
    const own = this.#open(undefined);
    this.path = own.identity.path;
    this.#byAgent.set(undefined, own);
  }

  /** The channel in which the service of a resource writes. */
  of(resource: ResourceOf | undefined): KvpChannel {
    const latest = this.#latest;
    if (latest !== undefined && latest.resource === resource) return latest.channel;
    const agent = agentOf(resource);
    const channel = this.#byAgent.get(agent) ?? this.#add(agent);
    if (resource?.asyncAttributesPending !== true) this.#latest = { resource, channel };
    return channel;
  }

  #add(agent: string | undefined): KvpChannel {
    const own = this.#byAgent.get(undefined);
    if (own !== undefined && this.#byAgent.size > SERVICES_MAX) return own;
    const channel = this.#open(agent);
    // The one of the option, if it is not used.
    if (own?.stats().accepted === 0) {
      this.#byAgent.delete(undefined);
      void own.shutdown();
    }
    this.#byAgent.set(agent, channel);
    return channel;
  }

  #open(agent: string | undefined): KvpChannel {
    const options = agent === undefined ? this.#options : { ...this.#options, agent };
    return new KvpChannel(options, { layout: new DiagLayout(), reservesFinishes: true });
  }

  async flush(): Promise<void> {
    await Promise.all(this.#each((channel) => channel.flush()));
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#each((channel) => channel.shutdown()));
  }

  stats(): WriterStats {
    return this.#each((channel) => channel.stats()).reduce(sumOf);
  }

  #each<T>(act: (channel: KvpChannel) => T): T[] {
    return [...this.#byAgent.values()].map(act);
  }
}

/** `service.name/service.version`; `undefined` if the service has no name but the SDK's own. */
function agentOf(resource: ResourceOf | undefined): string | undefined {
  if (resource === undefined) return undefined;
  const name = textIn(resource, 'service.name');
  if (name === undefined || name.startsWith('unknown_service')) return undefined;
  return `${name}/${textIn(resource, 'service.version') ?? '0'}`;
}

function textIn(resource: ResourceOf, name: string): string | undefined {
  // To read the attributes while some are pending would be logged as an error. The first of a name counts.
  const raw = resource.asyncAttributesPending === true ? resource.getRawAttributes?.() : undefined;
  const value =
    raw === undefined
      ? (resource.attributes as Record<string, unknown>)[name]
      : raw.find(([key]) => key === name)?.[1];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

function sumOf(one: WriterStats, other: WriterStats): WriterStats {
  const sum: WriterStats = { ...other, ...one, dropped: { ...one.dropped } };
  for (const count of ['accepted', 'written', 'records', 'missing', 'queuedBytes'] as const) {
    sum[count] = one[count] + other[count];
  }
  for (const [reason, levels] of Object.entries(other.dropped)) {
    const total: Record<string, number> = { ...sum.dropped[reason as keyof WriterStats['dropped']] };
    for (const [level, count] of Object.entries(levels)) total[level] = (total[level] ?? 0) + count;
    sum.dropped[reason as keyof WriterStats['dropped']] = total;
  }
  return sum;
}
