/*
 * Sizes and limits of a pool. `crates/kvp/src/limits.rs` has the same names and values; a test compares them.
 *
 * The sizes of a record are those of `struct hv_kvp_exchg_msg_value` (Linux include/uapi/linux/hyperv.h).
 * The kernel converts fields to UTF-16 for the host (Linux drivers/hv/hv_kvp.c); only fields within the safe
 * lengths arrive whole.
 */

/** Bytes of a record's key field. */
export const KEY_SIZE = 512;
/** Bytes of a record's value field. */
export const VALUE_SIZE = 2048;
/** Bytes of a record in the file. */
export const RECORD_SIZE = KEY_SIZE + VALUE_SIZE;
/** Longest key, in bytes, that reaches the host whole. */
export const SAFE_KEY = 254;
/** Longest value, in bytes, that reaches the host whole. */
export const SAFE_VALUE = 1022;
/** Longest id of an event or span in a key, in bytes: the length of a UUID. */
export const ID_MAX = 36;
/** Durations in a key are shorter than this, in seconds: 300 years. */
export const SECONDS_MAX = 1e10;
/** Most records into which one payload may be split. */
export const CHUNKS_MAX = 1023;
/** Most bytes of a pool that is read. A host that walks a larger file would not come to its end. */
export const READ_MAX = 256 * 1024 * 1024;
/**
 * Bytes by which a finish's payload may be longer than its start's: it repeats the start's fields and adds
 * times and trace ids.
 */
export const FINISH_EXTRA = 200;
/**
 * Most ids of lost finishes that are remembered, so that a queue that stays full does not fill the memory.
 */
export const LOST_MAX = 4096;
