//! What is in the fields of a pool's records, without what follows their first NULs.

use std::collections::HashMap;

use crate::limits::{KEY_SIZE, RECORD_SIZE};
use crate::memory::{self, Refused};
use crate::record::text;

/// The texts of a pool's fields, one behind the other: of each record its key and its value.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The texts.
    pub bytes: Vec<u8>,
    /// Where each of them ends.
    pub ends: Vec<u32>,
    /// What [`Fields::compare`] found: of each whole record the number of the first one whose key is the same up to
    /// its last `|`; nothing where a key is not UTF-8, because then different bytes may be the same text.
    pub alike: Vec<u32>,
    size: u64,
}

impl Fields {
    /// No fields, with memory for the ends of those of a file of so many bytes.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn for_size(size: u64) -> Result<Self, Refused> {
        let records = memory::to_usize(size).div_ceil(RECORD_SIZE);
        Ok(Self { ends: memory::with_capacity(2 * records)?, ..Self::default() })
    }

    /// The bytes of the file that they are of.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the fields of the records that follow in the file; the last one may be partial.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(&mut self, records: &[u8]) -> Result<(), Refused> {
        for record in records.chunks(RECORD_SIZE) {
            let (key, value) = record.split_at(record.len().min(KEY_SIZE));
            self.push(text(key))?;
            self.push(text(value))?;
        }
        self.size += records.len() as u64;
        Ok(())
    }

    /// Finds the keys that are alike.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn compare(&mut self) -> Result<(), Refused> {
        let records = memory::to_usize(self.size) / RECORD_SIZE;
        let mut alike = memory::with_capacity(records)?;
        let mut firsts = HashMap::new();
        firsts.try_reserve(records).map_err(|_| Refused { bytes: records * size_of::<(&[u8], u32)>() })?;
        let mut start = 0;
        for (record, ends) in (0..).zip(self.ends.chunks_exact(2).take(records)) {
            let key = &self.bytes[start..ends[0] as usize];
            if std::str::from_utf8(key).is_err() {
                return Ok(());
            }
            let shared = memchr::memrchr(b'|', key).map_or(key, |last| &key[..=last]);
            alike.push(*firsts.entry(shared).or_insert(record));
            start = ends[1] as usize;
        }
        self.alike = alike;
        Ok(())
    }

    fn push(&mut self, text: &[u8]) -> Result<(), Refused> {
        memory::reserve(&mut self.bytes, text.len())?;
        self.bytes.extend_from_slice(text);
        memory::reserve(&mut self.ends, 1)?;
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}
