import { FallbackWriter } from './fallback.ts';
import { chooseBackend, openNative } from './native.ts';
import type { PoolWriter, WriterOptions } from './writer.ts';

/** Where the Azure host reads what a guest says (Linux tools/hv/hv_kvp_daemon.c; FreeBSD hv_kvp_daemon.c). */
export const DEFAULT_POOL_PATH =
  process.platform === 'freebsd' ? '/var/db/hyperv/pool/.kvp_pool_1' : '/var/lib/hyperv/.kvp_pool_1';

/**
 * Opens a pool for writing. A pool whose folder is missing is opened when the folder appears. Throws
 * `FieldError`, `NotAPoolFileError` or `IoError`; `BindingError` if the native core is demanded and missing.
 */
export function openWriter(options: WriterOptions): PoolWriter {
  return chooseBackend() === 'native' ? openNative(options) : new FallbackWriter(options);
}
