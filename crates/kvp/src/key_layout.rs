//! The layout of the keys of a channel's records. A format of diagnostics is such a layout, which the program
//! passes as data; this crate knows no formats.

use crate::error::{Error, Result};
use crate::limits::{CHUNKS_MAX, ID_MAX, SAFE_KEY};

/// The field of a key behind its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// `start`, `finish` or `event`.
    Kind,
    /// `ERROR` to `TRACE`.
    Level,
}

/// The layout of keys: `{prefix}{word}|{name}|{id}`, then `|{time}|none|{result}|{duration}` if there are
/// `details`, then `|{chunk}` if the chunks are `numbered`.
#[derive(Debug, Clone)]
pub struct KeyLayout {
    /// The start of every key, up to and including the `|` before the word.
    pub prefix: String,
    /// The field that follows the prefix.
    pub word: Word,
    /// Most bytes of a name.
    pub name_max: usize,
    /// Whether the time, the encoding, the result and the duration follow the id.
    pub details: bool,
    /// Whether a key ends with the number of its chunk, from 0. If not, all chunks of a payload have the same
    /// key.
    pub numbered: bool,
}

/// The length of the longest duration: seconds with six decimals.
const DURATION_MAX: usize = "9999999999.999999".len();
const DETAILS_MAX: usize = "|2026-01-02T03:04:05.678Z|none|success|".len() + DURATION_MAX;
const _: () = assert!(CHUNKS_MAX <= 10_000);
const CHUNK_MAX: usize = "|9999".len();

impl KeyLayout {
    /// Refuses a layout whose keys could be malformed, or too long to reach the host whole.
    ///
    /// # Errors
    /// [`Error::Field`] or [`Error::FieldTooLong`].
    pub fn check(&self) -> Result<()> {
        if !self.prefix.ends_with('|') || self.prefix.contains('\0') {
            let rule = "it must end with '|' and must not contain NUL";
            return Err(Error::Field { field: "prefix", given: self.prefix.clone(), rule });
        }
        if self.name_max == 0 {
            return Err(Error::Field { field: "nameMax", given: "0".into(), rule: "it must be at least 1" });
        }
        let actual = self.longest();
        if actual > SAFE_KEY {
            return Err(Error::FieldTooLong { field: "key", actual, limit: SAFE_KEY });
        }
        Ok(())
    }

    fn longest(&self) -> usize {
        let word = match self.word {
            Word::Kind => "finish",
            Word::Level => "ERROR",
        };
        let head = self.prefix.len().saturating_add(word.len() + 1).saturating_add(self.name_max);
        let details = if self.details { DETAILS_MAX } else { 0 };
        let chunk = if self.numbered { CHUNK_MAX } else { 0 };
        head.saturating_add(1 + ID_MAX + details + chunk)
    }
}

/// Refuses a text that can't be a field of a key of at most `limit` bytes. The error calls it `field`.
pub(crate) fn check_key_field(field: &'static str, given: &str, limit: usize) -> Result<()> {
    if given.len() > limit {
        return Err(Error::FieldTooLong { field, actual: given.len(), limit });
    }
    if !is_key_field(given.as_bytes(), limit) {
        let rule = "it must not be empty and must not contain '|' or NUL";
        return Err(Error::Field { field, given: given.to_owned(), rule });
    }
    Ok(())
}

/// Whether a text can be a field of a key and has at most `limit` bytes.
pub(crate) fn is_key_field(field: &[u8], limit: usize) -> bool {
    (1..=limit).contains(&field.len()) && memchr::memchr2(b'|', 0, field).is_none()
}
