import { dirname } from 'node:path';
import { OptionError } from '../errors.ts';

/**
 * The pool in which a guest writes for the Azure host (Linux tools/hv/hv_kvp_daemon.c; FreeBSD
 * hv_kvp_daemon.c).
 */
export const DEFAULT_POOL_PATH =
  process.platform === 'freebsd' ? '/var/db/hyperv/pool/.kvp_pool_1' : '/var/lib/hyperv/.kvp_pool_1';

/** A pool by its number: 0 external, 1 guest, 2 auto, 3 auto-external, 4 auto-internal. */
export interface NumberedPool {
  /** The folder of the pools. Default: the daemon's, `/var/lib/hyperv`. */
  dir?: string;
  pool: number;
}

/** The path of a pool's file. Throws `OptionError`. */
export function poolPath(location: string | NumberedPool): string {
  if (typeof location !== 'object' || location === null) {
    if (typeof location === 'string' && location !== '' && !location.includes('\0')) return location;
    throw new OptionError('path', location, 'a text that is not empty and has no NUL');
  }
  const { dir = dirname(DEFAULT_POOL_PATH), pool } = location;
  if (![0, 1, 2, 3, 4].includes(pool)) throw new OptionError('pool', pool, 'a number from 0 to 4');
  const folder = poolPath(dir);
  // Not by `join`, for which the `..` of `link/..` is the folder of the link.
  return `${folder}${folder.endsWith('/') ? '' : '/'}.kvp_pool_${pool}`;
}
