//! Sizes and limits of a pool.
//!
//! The sizes of a record are those of `struct hv_kvp_exchg_msg_value`
//! (Linux `include/uapi/linux/hyperv.h`); fields of the shorter safe lengths stay whole
//! when the kernel converts them to UTF-16 (Linux `drivers/hv/hv_kvp.c`).

/// Bytes of a record's key field.
pub const KEY_SIZE: usize = 512;
/// Bytes of a record's value field.
pub const VALUE_SIZE: usize = 2048;
/// Bytes of a record on disk.
pub const RECORD_SIZE: usize = KEY_SIZE + VALUE_SIZE;
/// Longest key, in bytes, that reaches the host whole.
pub const SAFE_KEY: usize = 254;
/// Longest value, in bytes, that reaches the host whole.
pub const SAFE_VALUE: usize = 1022;
/// Longest id of an event or span in a key: that of a UUID.
pub const ID_MAX: usize = 36;
/// One payload is split into at most this many records.
pub const CHUNKS_MAX: usize = 1023;
