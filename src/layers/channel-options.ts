import { DEFAULT_AGENT } from '../diagnostics/write/legal-name.ts';
import {
  booleanOption,
  type Checks,
  functionOption,
  oneOf,
  pathOption,
  textOption,
  wholeNumber,
} from '../option.ts';
import { DEFAULT_POOL_PATH } from '../pool/pool-path.ts';
import { DEFAULT_MAX_RECORDS } from '../pool/store-options.ts';
import type { ProblemHandler } from '../tracing/problem-handler.ts';

/** How a pool is opened for writing. */
export interface KvpChannelOptions {
  /** The pool's file. Default: pool 1, `/var/lib/hyperv/.kvp_pool_1`, on FreeBSD `/var/db/hyperv/pool/.kvp_pool_1`. */
  path?: string | undefined;
  /** The VM's id, at most 36 bytes. Default: this VM's, zeros if it can't be read. */
  vmId?: string | undefined;
  /** Who writes, `name/version`; a name that makes it longer than 32 bytes is cut. Default: this package. */
  agent?: string | undefined;
  /** Records that the pool may have, whoever wrote them, from 1 to 2³¹. Default `1024`. */
  maxRecords?: number | undefined;
  /** Bytes of the queue, from 4,096 to 2³¹, rounded up to a power of two. Default 2 MiB. */
  queueBytes?: number | undefined;
  /** Whether opening empties a pool that was last changed before this boot. Default: `true` for pool 1, else `false`. */
  clearStale?: boolean | undefined;
  /**
   * `'queued'`: emitting only queues. `'write-through'`: emitting writes, in the caller's thread, unless another
   * process holds a lock on the pool; for programs that are about to be killed. Default `'queued'`.
   */
  durability?: 'queued' | 'write-through' | undefined;
  /** Called with each problem. Default: prints a line on stderr. */
  onProblem?: ProblemHandler | undefined;
}

export const CHANNEL_DEFAULTS = {
  path: DEFAULT_POOL_PATH,
  agent: DEFAULT_AGENT,
  maxRecords: DEFAULT_MAX_RECORDS,
  queueBytes: 2 * 1024 * 1024,
  durability: 'queued',
} as const;

/** The core counts records and bytes in 32 bits. */
const COUNT_MAX = 2 ** 31;

/** The options of a pool that is written to. */
export const CHANNEL_OPTIONS: Checks<KvpChannelOptions> = {
  path: pathOption,
  vmId: textOption,
  agent: textOption,
  maxRecords: wholeNumber(1, COUNT_MAX),
  queueBytes: wholeNumber(4096, COUNT_MAX),
  clearStale: booleanOption,
  durability: oneOf(['queued', 'write-through']),
  onProblem: functionOption,
};
