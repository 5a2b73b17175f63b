import { getSystemErrorMap } from 'node:util';
import type { KvpError } from '../errors.ts';
import { readOptions } from '../option.ts';
import { printLine } from '../tracing/print-line.ts';
import { DryRunStore } from './dry-run-store.ts';
import { FallbackStore } from './fallback/fallback-store.ts';
import { FallbackWriter } from './fallback/fallback-writer.ts';
import { chooseBackend } from './binding.ts';
import { NativeStore } from './native/native-store.ts';
import { openNative } from './native/native-writer.ts';
import { type NumberedPool, poolPath } from './pool-path.ts';
import { PoolStore } from './pool-store.ts';
import type { PoolWriter, WriterOptions } from './pool-writer.ts';
import { STORE_OPTIONS, type StoreOptions } from './store-options.ts';

export { DEFAULT_POOL_PATH, type NumberedPool, poolPath } from './pool-path.ts';

/**
 * Gives access to the records of a pool, for reading and changing them. The file is opened by each
 * operation, not here. Throws `OptionError`, and `BindingError` if the native core is demanded and can't be
 * loaded.
 */
export function openPool(location: string | NumberedPool, given?: StoreOptions): PoolStore {
  const path = poolPath(location);
  const options = readOptions(STORE_OPTIONS, given);
  const backend = chooseBackend({ quiet: options.readOnly === true });
  const store = backend === 'native' ? new NativeStore(path) : new FallbackStore(path);
  return new PoolStore(path, options.dryRun === true ? new DryRunStore(path, store) : store, options);
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
