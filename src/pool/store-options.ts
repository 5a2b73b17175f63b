import { booleanOption, type Checks, millisecondsOption, oneOf, wholeNumber } from '../option.ts';
import type { Limits } from './record.ts';

/** Records of a pool by default: libazureinit-kvp's HV_KVP_EXCHANGE_MAX_RECORDS. */
export const DEFAULT_MAX_RECORDS = 1024;

export interface StoreOptions {
  /**
   * How long keys and values may be: `'safe'` is what reaches the host whole (254 and 1,022 bytes),
   * `'wire'` what fits into the file (511 and 2,047 bytes). Default `'safe'`.
   */
  limits?: Limits | undefined;
  /**
   * Milliseconds for which an operation waits while another process holds a lock, or the file ends in the
   * middle of a record. Default `1000`.
   */
  lockTimeout?: number | undefined;
  /** The most different keys that a pool may have after `set` added one. Default `1024`. */
  maxKeys?: number | undefined;
  /**
   * Only read, and read more: follow links, read pipes, go on without a lock if none is available. Default
   * `false`.
   */
  readOnly?: boolean | undefined;
  /**
   * Make changes in memory only: the file stays as it is, and the store goes on with what it would have. Opening and
   * checking fail as they would. Default `false`.
   */
  dryRun?: boolean | undefined;
}

/** The options of a store. */
export const STORE_OPTIONS: Checks<StoreOptions> = {
  limits: oneOf(['safe', 'wire']),
  lockTimeout: millisecondsOption,
  maxKeys: wholeNumber(1),
  readOnly: booleanOption,
  dryRun: booleanOption,
};

export interface RecordsOptions {
  /** Return the bytes too, as `rawKey` and `rawValue`. Default `false`. */
  raw?: boolean | undefined;
}

/** The options of reading records. */
export const RECORDS_OPTIONS: Checks<RecordsOptions> = { raw: booleanOption };
