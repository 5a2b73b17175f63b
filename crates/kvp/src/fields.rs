//! What is in the fields of a pool's records, without what follows their first NULs.

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

    fn push(&mut self, text: &[u8]) -> Result<(), Refused> {
        memory::reserve(&mut self.bytes, text.len())?;
        self.bytes.extend_from_slice(text);
        memory::reserve(&mut self.ends, 1)?;
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        Ok(())
    }
}
