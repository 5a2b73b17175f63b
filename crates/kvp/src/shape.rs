//! What a pool's bytes look like: no other file may be cut, emptied or appended to.
//!
//! A pool has no header, so its records are looked at: at most [`LOOKS`] of them, spread evenly, the first and
//! the last among them, and all of a partial record at the end.

use crate::limits::{KEY_SIZE, RECORD_SIZE};

/// Most records that one look reads.
pub const LOOKS: u64 = 16;

const SIZE: u64 = RECORD_SIZE as u64;

/// Where to look in the bytes from `from`, where a record begins, to `size`: offsets and lengths, in file
/// order.
pub fn places(from: u64, size: u64) -> impl Iterator<Item = (u64, usize)> {
    let records = size.saturating_sub(from) / SIZE;
    let looks = records.min(LOOKS);
    let nth = move |look: u64| if looks == 1 { 0 } else { look * (records - 1) / (looks - 1) };
    let whole = (0..looks).map(move |look| (from + nth(look) * SIZE, RECORD_SIZE));
    let tail = usize::try_from(size % SIZE).unwrap_or(0);
    whole.chain((tail > 0).then_some((size - size % SIZE, tail)))
}

/// Tells a pool from other files by the pieces at [`places`], shown in their order.
#[derive(Debug)]
pub struct Shape {
    /// A record was seen: what follows may be what damage leaves of records.
    is_known: bool,
}

impl Shape {
    /// The shape of a file; `is_known` where records before these pieces were seen.
    #[must_use]
    pub fn new(is_known: bool) -> Self {
        Self { is_known }
    }

    /// Whether the piece, a record or what there is of the last one, can stand in a pool.
    pub fn admits(&mut self, piece: &[u8]) -> bool {
        if self.is_known {
            return is_beginning(piece) || is_damaged(piece);
        }
        self.is_known = is_beginning(piece);
        self.is_known || piece.len() == RECORD_SIZE && (is_nul(piece) || is_endless(piece))
    }

    /// Whether a record was seen.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.is_known
    }
}

/// Whether the piece begins as a record does: a key, and NULs to the end of its field.
fn is_beginning(piece: &[u8]) -> bool {
    let (key, value) = piece.split_at(piece.len().min(KEY_SIZE));
    match memchr::memchr(0, key) {
        Some(0) => false,
        Some(end) => is_nul(&key[end..]) || is_reused(key),
        // A key that some program cut at the end of its field.
        None => piece.len() == RECORD_SIZE && is_endless(key) && is_padded(value),
    }
}

/// Whether `hv_kvp_daemon` may have left this key: it puts a new key over an older, longer one, the end of
/// which stays behind the new one's NUL.
fn is_reused(key: &[u8]) -> bool {
    key.len() == KEY_SIZE && {
        let (keys, rest) = key.split_at(KEY_SIZE / 2);
        is_nul(rest) && !keys.iter().any(|byte| *byte != 0 && is_control(*byte))
    }
}

/// Whether damage may have made this of records: the end of one and the beginning of another, or fields without
/// their NUL.
fn is_damaged(piece: &[u8]) -> bool {
    if memchr::memchr(0, piece).is_none() {
        return (piece.len() == RECORD_SIZE || piece.len() < KEY_SIZE) && is_endless(piece);
    }
    piece.iter().all(|byte| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | 0x1b) || !is_control(*byte))
}

/// Whether a text goes on to the end without a NUL, on one line.
fn is_endless(field: &[u8]) -> bool {
    !field.iter().copied().any(is_control)
}

/// Whether a text is followed by NULs.
fn is_padded(field: &[u8]) -> bool {
    memchr::memchr(0, field).is_some_and(|end| end > 0 && is_nul(&field[end..]))
}

fn is_control(byte: u8) -> bool {
    byte < b' '
}

fn is_nul(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
