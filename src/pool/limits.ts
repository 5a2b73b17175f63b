import type { Verbosity } from '../tracing/level.ts';

// Sizes of `struct hv_kvp_exchg_msg_value`, Linux include/uapi/linux/hyperv.h; safe lengths keep a
// field whole when the kernel turns it into UTF-16, drivers/hv/hv_kvp.c. The twin of limits.rs.
export const KEY_SIZE = 512;
export const VALUE_SIZE = 2048;
export const RECORD_SIZE = KEY_SIZE + VALUE_SIZE;
export const SAFE_KEY = 254;
export const SAFE_VALUE = 1022;
/** A file of more bytes is no pool that any host could walk. */
export const READ_MAX = 256 * 1024 * 1024;

/** Longest id of an event or span in a key: that of a UUID. */
export const ID_MAX = 36;
/** Most records that one payload may be cut into. */
export const CHUNKS_MAX = 1023;

/** The verbosity of WARN: what is at most as verbose has room kept for it. */
export const WARN: Verbosity = 2;
