import { createRequire } from 'node:module';
import type * as Binding from '../../binding.d.cts';
import { BindingError, CutShortError, errorOf, type KvpError, messageOf, OptionError } from '../errors.ts';
import { printLine } from '../tracing/stderr.ts';
import type { Attempt } from './attempt.ts';
import type { Defect } from './edit.ts';
import { call, type Op } from './op.ts';
import type { PoolRecord } from './record.ts';
import type { Contents, StoreBackend } from './store-backend.ts';
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
 * can't be loaded) or `js`; by default (`auto`) the native one, else the other, with one line unless `quiet`.
 */
export function chooseBackend({ quiet = false }: { quiet?: boolean } = {}): Backend {
  const asked = process.env[VARIABLE] || 'auto';
  if (asked === 'js') return 'js';
  if (asked !== 'native' && asked !== 'auto') throw new OptionError(VARIABLE, asked, 'native, js or auto');
  const { failure } = load();
  if (failure === undefined) return 'native';
  if (asked === 'native') throw failure;
  if (!said && !quiet) {
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

/** A pool's file in the native core. */
export class NativeStore implements StoreBackend {
  readonly #store: Binding.Store;

  constructor(path: string) {
    this.#store = (load().binding as typeof Binding).openStore(path);
  }

  append(records: readonly PoolRecord[]): Op<Attempt<void>> {
    return this.#attempt(nothing, 'append', joined(records));
  }

  set(record: PoolRecord, maxKeys: number): Op<Attempt<void>> {
    return this.#attempt(nothing, 'set', joined([record]), maxKeys);
  }

  delete(keys: readonly string[]): Op<Attempt<number>> {
    const text = keys.map((key) => `${key}\0`).join('');
    return this.#attempt(({ count = 0 }) => count, 'delete', text);
  }

  load(records: readonly PoolRecord[]): Op<Attempt<void>> {
    return this.#attempt(nothing, 'load', joined(records));
  }

  clear(staleBefore?: number): Op<Attempt<boolean>> {
    return this.#attempt(({ count = 0 }) => count > 0, 'clear', '', staleBefore);
  }

  repair(): Op<Attempt<Defect[]>> {
    return this.#attempt(({ defects = [] }) => defects as Defect[], 'repair', '');
  }

  read(lenient: boolean): Op<Attempt<Contents>> {
    return this.#attempt(
      ({ state, bytes }) => bytes ?? (state as Contents),
      'read',
      '',
      lenient ? 1 : undefined,
    );
  }

  close(): void {
    this.#store.close();
  }

  *#attempt<R>(
    found: (reply: Binding.StoreReply) => R,
    ...job: Parameters<Binding.Store['attempt']>
  ): Op<Attempt<R>> {
    const store = this.#store;
    const reply = yield* call(
      () => store.attempt(...job),
      () => store.attemptAsync(...job),
    );
    if (reply === null) return { done: found(DONE) };
    if (reply.problem !== undefined) throw fromNative(reply.problem);
    const { state } = reply;
    return state === 'busy' || state === 'unsettled' ? state : { done: found(reply) };
  }
}

const DONE: Binding.StoreReply = { state: 'done' };

function nothing(): void {}

/** Many texts cross the border as one, in one piece: neither keys nor values have a NUL. */
function joined(records: readonly PoolRecord[]): string {
  const texts: string[] = [];
  for (const { key, value } of records) texts.push(key, value);
  texts.push('');
  return texts.join('\0');
}

function fromNative({ code, message, errno, syscall, path }: Binding.Problem): KvpError {
  if (errno !== undefined && syscall !== undefined && path !== undefined)
    return systemError(syscall, path, -errno);
  // What the system refused names the call; the other failure of this code is a write left half-way.
  if (code === 'ERR_KVP_IO' && syscall === undefined) return new CutShortError(code, message, { path });
  return errorOf(code, message, { errno: errno === undefined ? undefined : -errno, syscall, path });
}
