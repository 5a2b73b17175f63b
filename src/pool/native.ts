import { createRequire } from 'node:module';
import type * as Binding from '../../binding.d.cts';
import { BindingError, errorOf, type KvpError, messageOf, OptionError } from '../errors.ts';
import { printLine } from '../tracing/stderr.ts';
import { systemError } from './system-error.ts';
import type { Backend, Dropped, PoolWriter, WriterOptions, WriterStats } from './writer.ts';

const VARIABLE = 'KVP_TRACING_BACKEND';

let loaded: { binding?: typeof Binding; failure?: BindingError } | undefined;
let said = false;

function load(): { binding?: typeof Binding; failure?: BindingError } {
  if (loaded === undefined) {
    try {
      loaded = { binding: createRequire(import.meta.url)('../../binding.cjs') as typeof Binding };
    } catch (cause) {
      const reason = messageOf(cause).split('. ')[0];
      loaded = {
        failure: new BindingError('ERR_KVP_BINDING', `the native core can't be loaded: ${reason}`, { cause }),
      };
    }
  }
  return loaded;
}

/**
 * Which writer this process uses. `KVP_TRACING_BACKEND` demands `native` (throws `BindingError` where it
 * can't be loaded) or `js`; by default (`auto`) the native one, else with one line the other.
 */
export function chooseBackend(): Backend {
  const asked = process.env[VARIABLE] || 'auto';
  if (asked === 'js') return 'js';
  if (asked !== 'native' && asked !== 'auto') throw new OptionError(VARIABLE, asked, 'native, js or auto');
  const { failure } = load();
  if (failure === undefined) return 'native';
  if (asked === 'native') throw failure;
  if (!said) {
    said = true;
    printLine(`${failure.message}; writing from JavaScript instead (ERR_KVP_BINDING)`);
  }
  return 'js';
}

interface Emitters {
  name(text: string): number | undefined;
  start: PoolWriter['start'];
  event: PoolWriter['event'];
  finish: PoolWriter['finish'];
}

/** A writer in the native core. */
export function openNative(options: WriterOptions): PoolWriter {
  const { binding } = load();
  const opened = (binding as typeof Binding).openChannel(options);
  if ('code' in opened) throw fromNative(opened);
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
    seal: () => channel.seal(),
    wait: (milliseconds) => channel.wait(milliseconds),
    close: (milliseconds) => channel.close(milliseconds),
    stats: () => statsOf(channel.stats()),
  };
}

function statsOf(stats: Binding.ChannelStats): WriterStats {
  const dropped: Record<string, Record<string, number>> = {};
  for (const { reason, level, count } of stats.dropped) (dropped[reason] ??= {})[level] = count;
  const { accepted, written, records, queuedBytes, lastError } = stats;
  const counts = {
    backend: 'native' as const,
    accepted,
    written,
    records,
    queuedBytes,
    dropped: dropped as Dropped,
  };
  return lastError === undefined ? counts : { ...counts, lastError: fromNative(lastError) };
}

function fromNative({ code, message, errno, syscall, path }: Binding.Problem): KvpError {
  if (errno !== undefined && syscall !== undefined && path !== undefined)
    return systemError(syscall, path, -errno);
  return errorOf(code, message, { syscall, path });
}
