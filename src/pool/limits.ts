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

// azure-init doc/diagnostics.md
export const AGENT_MAX = 32;
export const ID_MAX = 36;
export const NAME_MAX = 48;
export const CHUNKS_MAX = 1023;
/**
 * Of a name in azure-init's older layout: what the other fields at their longest, a level, a UUID and four
 * separators leave of a safe key.
 */
export const AZURE_INIT_NAME_MAX = SAFE_KEY - (AGENT_MAX + ID_MAX + 'ERROR'.length + ID_MAX + 4);

/** The verbosity of WARN: what is at most as verbose has room kept for it. */
export const WARN: Verbosity = 2;
