//! Sizes and limits of a pool. `src/pool/limits.ts` has the same names and values; a test compares them.
//!
//! The sizes of a record are those of `struct hv_kvp_exchg_msg_value`
//! (Linux `include/uapi/linux/hyperv.h`). The kernel converts fields to UTF-16 for the host
//! (Linux `drivers/hv/hv_kvp.c`); only fields within the safe lengths arrive whole.

/// Bytes of a record's key field.
pub const KEY_SIZE: usize = 512;
/// Bytes of a record's value field.
pub const VALUE_SIZE: usize = 2048;
/// Bytes of a record in the file.
pub const RECORD_SIZE: usize = KEY_SIZE + VALUE_SIZE;
/// Longest key, in bytes, that reaches the host whole.
pub const SAFE_KEY: usize = 254;
/// Longest value, in bytes, that reaches the host whole.
pub const SAFE_VALUE: usize = 1022;
/// Longest id of an event or span in a key, in bytes: the length of a UUID.
pub const ID_MAX: usize = 36;
/// Durations in a key are shorter than this, in seconds: 300 years.
pub const SECONDS_MAX: f64 = 1e10;
/// Most records into which one payload may be split.
pub const CHUNKS_MAX: usize = 1023;
/// A pool of more bytes is not read: no host could read it.
pub const READ_MAX: u64 = 256 << 20;
/// Bytes by which a finish's payload may be longer than its start's: it repeats the start's fields and adds
/// times and trace ids.
pub const FINISH_EXTRA: usize = 200;
/// Most ids of lost finishes that are remembered, so that a queue that stays full does not fill the memory.
pub const LOST_MAX: usize = 4096;
