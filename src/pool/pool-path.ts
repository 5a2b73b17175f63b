import { dirname } from 'node:path';
import { OptionError } from '../errors.ts';
import { type Checks, pathOption, readOptions } from '../option.ts';

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
  return poolFile(dir, poolNumber('pool', pool));
}

/** The path of a pool in a folder; not by `join`, for which the `..` of `link/..` is the folder of the link. */
export function poolFile(dir: string, pool: number): string {
  return `${dir}${dir.endsWith('/') ? '' : '/'}.kvp_pool_${pool}`;
}

function poolNumber(option: string, given: unknown): number {
  if ([0, 1, 2, 3, 4].includes(given as number)) return given as number;
  throw new OptionError(option, given, 'a number from 0 to 4');
}
