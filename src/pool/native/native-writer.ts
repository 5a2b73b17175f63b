import { type Binding, fromNative, nativeCore } from '../binding.ts';
import type { Dropped, PoolWriter, WriterOptions, WriterStats } from '../pool-writer.ts';

/** How long closing waits in any case until the thread has counted what is lost, in milliseconds. */
const COUNT_TIMEOUT = 50;

interface Emitters {
  name(text: string): number | undefined;
  start: PoolWriter['start'];
  event: PoolWriter['event'];
  finish: PoolWriter['finish'];
}

function isProblem(opened: Binding.Channel | Binding.Problem): opened is Binding.Problem {
  return Object.hasOwn(opened, 'code');
}

/** Opens a writer of the native core. */
export function openNative(options: WriterOptions): PoolWriter {
  const opened = nativeCore().openChannel(options);
  if (isProblem(opened)) throw fromNative(opened);
  const channel = opened;
  const { name, start, event, finish } = channel.emitters() as Emitters;
  return {
    backend: 'native',
    name: (text) => name(text) ?? 0,
    start,
    event,
    finish,
    position: () => channel.position(),
    isDrained: (position) => channel.isDrained(position),
    cannotOpen: () => channel.cannotOpen(),
    requestLook: () => channel.requestLook(),
    requestDropReport: () => channel.requestDropReport(),
    wait: (milliseconds) => channel.wait(milliseconds),
    close: (milliseconds) => channel.close(Math.max(milliseconds, COUNT_TIMEOUT)),
    stats: () => statsOf(channel.stats()),
  };
}

function statsOf(stats: Binding.ChannelStats): WriterStats {
  const dropped: Record<string, Record<string, number>> = {};
  for (const { reason, level, count } of stats.dropped) (dropped[reason] ??= {})[level] = count;
  const { accepted, written, records, missing, queuedBytes, lastError } = stats;
  const counts = {
    backend: 'native' as const,
    accepted,
    written,
    records,
    missing,
    queuedBytes,
    dropped: dropped as Dropped,
  };
  return lastError === undefined ? counts : { ...counts, lastError: fromNative(lastError) };
}
