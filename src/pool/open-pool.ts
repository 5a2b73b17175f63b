import { dirname, join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { type KvpError, OptionError } from '../errors.ts';
import { type Checks, pathOption, readOptions } from '../option.ts';
import { printLine } from '../tracing/print-line.ts';
import { FallbackStore } from './fallback/fallback-store.ts';
import { FallbackWriter } from './fallback/fallback-writer.ts';
import { chooseBackend } from './binding.ts';
import { NativeStore } from './native/native-store.ts';
import { openNative } from './native/native-writer.ts';
import { PoolStore } from './pool-store.ts';
import { STORE_OPTIONS, type StoreOptions } from './store-options.ts';
import type { PoolWriter, WriterOptions } from './pool-writer.ts';

/**
 * The pool in which a guest writes for the Azure host (Linux tools/hv/hv_kvp_daemon.c; FreeBSD
 * hv_kvp_daemon.c).
 */
export const DEFAULT_POOL_PATH =
  process.platform === 'freebsd' ? '/var/db/hyperv/pool/.kvp_pool_1' : '/var/lib/hyperv/.kvp_pool_1';

/** A pool by its number: 0 external, 1 guest, 2 auto, 3 auto-external, 4 auto-internal. */
export interface NumberedPool {
  /** The folder of the pools. Default: the daemon's, `/var/lib/hyperv`. */
  dir?: string | undefined;
  pool: number;
}

/** The folder is the beginning of the path. */
const LOCATION: Checks<NumberedPool> = {
  dir: (_option, given) => pathOption('path', given),
  pool: poolNumber,
};

/** The absolute path of a pool's file. Throws `OptionError`. */
export function poolPath(location: unknown): string {
  if (typeof location !== 'object' || location === null) return pathOption('path', location);
  const { dir = dirname(DEFAULT_POOL_PATH), pool } = readOptions(LOCATION, location as NumberedPool);
  return join(dir, `.kvp_pool_${poolNumber('pool', pool)}`);
}

function poolNumber(option: string, given: unknown): number {
  if ([0, 1, 2, 3, 4].includes(given as number)) return given as number;
  throw new OptionError(option, given, 'a number from 0 to 4');
}

/**
 * Gives access to the records of a pool, for reading and changing them. The file is opened by each
 * operation, not here. Throws `OptionError`, and `BindingError` if the native core is demanded and can't be
 * loaded.
 */
export function openPool(location: string | NumberedPool, given?: StoreOptions): PoolStore {
  const path = poolPath(location);
  const options = readOptions(STORE_OPTIONS, given);
  const backend = chooseBackend({ quiet: options.readOnly === true });
  return new PoolStore(path, backend === 'native' ? new NativeStore(path) : new FallbackStore(path), options);
}

/**
 * Opens a pool for writing diagnostics. A pool that can't be opened yet, because its folder is missing or for
 * another reason that passes, is opened when it can. Where the system refuses the native writer's thread, the
 * fallback writes, about which one line is printed. Throws `FieldError`, `NotAPoolFileError` or `IoError`, and
 * `BindingError` if the native core is demanded and can't be loaded.
 */
export function openWriter(given: WriterOptions): PoolWriter {
  // Without a prototype: what `Object.prototype` has is no option.
  const options = Object.assign(Object.create(null) as object, given);
  if (chooseBackend() === 'js') return new FallbackWriter(options);
  try {
    return openNative(options);
  } catch (error) {
    if ((error as KvpError).syscall !== 'clone') throw error;
    sayNoThread(error as KvpError);
    return new FallbackWriter(options);
  }
}

let saidNoThread = false;

function sayNoThread({ code, errno = 0 }: KvpError): void {
  if (saidNoThread) return;
  saidNoThread = true;
  const [name, text] = getSystemErrorMap().get(errno) ?? [`errno ${-errno}`, 'unknown error'];
  const why = `the system refuses a thread for the native writer: ${text} (${name})`;
  printLine(`${why}; writing from JavaScript instead (${code})`);
}
