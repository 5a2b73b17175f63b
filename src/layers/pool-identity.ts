import { vmId } from '../diagnostics/vm-id.ts';
import { legalAgent } from '../diagnostics/write/legal-name.ts';
import { isSameFile } from '../pool/same-file.ts';
import { guardedHandler } from '../tracing/problem-handler.ts';
import { CHANNEL_DEFAULTS, type KvpChannelOptions } from './channel-options.ts';

/** Which pool is written to, by which agent, on which VM. */
export interface PoolIdentity {
  /** The absolute path of the pool's file. */
  readonly path: string;
  /** `name/version`, at most 32 bytes. */
  readonly agent: string;
  readonly vmId: string;
  /** Whether opening empties a pool of an earlier boot. */
  readonly clearsStale: boolean;
}

/** What checked `options` and the defaults say. */
export function poolIdentityOf(options: KvpChannelOptions): PoolIdentity {
  const path = options.path ?? CHANNEL_DEFAULTS.path;
  return {
    path,
    agent: legalAgent(options.agent ?? CHANNEL_DEFAULTS.agent),
    vmId: options.vmId ?? vmId({ onProblem: guardedHandler(options.onProblem) }),
    clearsStale: options.clearStale ?? isSameFile(path, CHANNEL_DEFAULTS.path),
  };
}
