//! The bytes of records, and a buffer of many records that is reused.

use crate::limits::{KEY_SIZE, RECORD_SIZE};
use crate::memory::{self, Refused};

/// Records, laid out as they are in the file.
///
/// The buffer is reused. Only the bytes that the last record of a slot used are zeroed again, because zeroing
/// 2,560 bytes costs more than copying the 300 that a record has.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// For each slot, how many bytes at the start of its key and of its value are in use.
    dirty: Vec<(usize, usize)>,
    len: usize,
}

impl Batch {
    /// An empty batch with memory for `records` records.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn with_capacity(records: usize) -> Result<Self, Refused> {
        let mut batch = Self::default();
        batch.reserve(records)?;
        Ok(batch)
    }

    /// Allocates memory for `more` records.
    ///
    /// # Errors
    /// [`Refused`]; the batch is as it was.
    pub fn reserve(&mut self, more: usize) -> Result<(), Refused> {
        let slots = (self.len + more).saturating_sub(self.dirty.len());
        memory::reserve(&mut self.bytes, slots.saturating_mul(RECORD_SIZE))?;
        memory::reserve(&mut self.dirty, slots)
    }

    /// Records in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a record. Where memory may be refused, call [`Batch::reserve`] before; without it a refusal aborts
    /// the process.
    ///
    /// # Panics
    /// When the key or value leaves no byte of its field for the NUL. The caller checks the lengths.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        if self.len == self.dirty.len() {
            self.bytes.resize(self.bytes.len() + RECORD_SIZE, 0);
            self.dirty.push((0, 0));
        }
        let slot = &mut self.bytes[self.len * RECORD_SIZE..][..RECORD_SIZE];
        let (key_field, value_field) = slot.split_at_mut(KEY_SIZE);
        let dirty = &mut self.dirty[self.len];
        dirty.0 = put(key_field, key, dirty.0);
        dirty.1 = put(value_field, value, dirty.1);
        self.len += 1;
    }

    /// Keeps the first `len` records.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Moves `count` records from index `from` to the smaller index `to`.
    pub fn move_back(&mut self, from: usize, to: usize, count: usize) {
        self.bytes.copy_within(from * RECORD_SIZE..(from + count) * RECORD_SIZE, to * RECORD_SIZE);
        self.dirty.copy_within(from..from + count, to);
    }

    /// The records' bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len * RECORD_SIZE]
    }
}

/// Copies `text` to the start of `field` and zeroes the rest of the `dirty` bytes that were in use; returns
/// how many bytes are in use now.
fn put(field: &mut [u8], text: &[u8], dirty: usize) -> usize {
    let len = text.len();
    assert!(len < field.len(), "{len} bytes in a field of {}", field.len());
    field[..len].copy_from_slice(&text[..len]);
    if dirty > len {
        field[len..dirty].fill(0);
    }
    len
}

/// The length of the longest prefix of `text` that has at most `limit` bytes and does not split a character.
#[must_use]
pub fn character_boundary(text: &[u8], limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    let mut end = limit;
    while end > 0 && text[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    end
}

/// The text of a field: the bytes before its first NUL, or all where there is none.
#[must_use]
pub fn text(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}
