//! Changes of a pool as pure functions of its bytes; nothing here reads or writes a file.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::limits::{KEY_SIZE, RECORD_SIZE};
use crate::memory::{self, Refused};
use crate::record::{character_boundary, text};

/// A change of a pool: write `with` at `from`, then cut the pool to `len` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<'a> {
    /// Bytes at the start of the pool that do not change.
    pub from: usize,
    /// Bytes to write behind them.
    pub with: Cow<'a, [u8]>,
    /// Bytes of the whole pool after the change.
    pub len: usize,
}

impl<'a> Edit<'a> {
    fn from(from: usize, with: impl Into<Cow<'a, [u8]>>) -> Self {
        let with = with.into();
        let len = from + with.len();
        Self { from, with, len }
    }
}

/// Why a record can't be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetError {
    /// The pool has this many different keys already, and a new one would be too many.
    PoolFull(usize),
    /// There is not enough memory for the change.
    NoMemory(Refused),
}

impl From<Refused> for SetError {
    fn from(refused: Refused) -> Self {
        Self::NoMemory(refused)
    }
}

fn key(record: &[u8]) -> &[u8] {
    text(&record[..KEY_SIZE])
}

fn records(pool: &[u8]) -> impl ExactSizeIterator<Item = (usize, &[u8])> {
    pool.chunks_exact(RECORD_SIZE).enumerate().map(|(index, record)| (index * RECORD_SIZE, record))
}

fn without_tail(pool: &[u8]) -> &[u8] {
    &pool[..pool.len() - pool.len() % RECORD_SIZE]
}

fn set_of<'a>(keys: impl ExactSizeIterator<Item = &'a [u8]>) -> Result<HashSet<&'a [u8]>, Refused> {
    let mut set = HashSet::new();
    let refused = |_| Refused { bytes: keys.len() * size_of::<&[u8]>() };
    set.try_reserve(keys.len()).map_err(refused)?;
    set.extend(keys);
    Ok(set)
}

/// Replaces all records.
#[must_use]
pub fn replace(records: &[u8]) -> Edit<'_> {
    Edit::from(0, records)
}

/// Puts `record` in the place of the first record with its key and removes the other records with that key.
/// A new key is added at the end.
///
/// # Errors
/// [`SetError::PoolFull`] when its key would be one more than `max_keys`.
pub fn set<'a>(pool: &[u8], record: &'a [u8], max_keys: usize) -> Result<Edit<'a>, SetError> {
    let pool = without_tail(pool);
    let wanted = key(record);
    let mut same = records(pool).filter(|(_, other)| is_key(other, wanted)).map(|(at, _)| at);
    let Some(first) = same.next() else {
        // Counting the keys is only needed where there are as many records as keys allowed.
        if pool.len() / RECORD_SIZE >= max_keys {
            let keys = set_of(records(pool).map(|(_, record)| key(record)))?.len();
            if keys >= max_keys {
                return Err(SetError::PoolFull(keys));
            }
        }
        return Ok(Edit::from(pool.len(), record));
    };
    if same.next().is_none() {
        return Ok(Edit { from: first, with: record.into(), len: pool.len() });
    }
    let mut with = memory::with_capacity(pool.len() - first)?;
    with.extend_from_slice(record);
    for (_, other) in records(&pool[first..]).filter(|(_, other)| !is_key(other, wanted)) {
        with.extend_from_slice(other);
    }
    Ok(Edit::from(first, with))
}

/// Whether a record has this key. Compares only the key's own bytes and the NUL behind them, because this
/// runs for each record of the pool; `wanted` is shorter than the key field.
fn is_key(record: &[u8], wanted: &[u8]) -> bool {
    record.starts_with(wanted) && record[wanted.len()] == 0
}

/// Removes all records with one of `keys`; also returns how many there were.
///
/// # Errors
/// [`Refused`].
pub fn remove(pool: &[u8], keys: &[&[u8]]) -> Result<(Edit<'static>, usize), Refused> {
    let pool = without_tail(pool);
    let keys = set_of(keys.iter().copied())?;
    let is_wanted = |record: &[u8]| keys.contains(key(record));
    let Some((first, _)) = records(pool).find(|(_, record)| is_wanted(record)) else {
        return Ok((Edit::from(pool.len(), &[]), 0));
    };
    let mut with = memory::with_capacity(pool.len() - first)?;
    for (_, record) in records(&pool[first..]).filter(|(_, record)| !is_wanted(record)) {
        with.extend_from_slice(record);
    }
    let removed = (pool.len() - first - with.len()) / RECORD_SIZE;
    Ok((Edit::from(first, with), removed))
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The pool ends in the middle of the record.
    TornTail,
    /// A field is not UTF-8: the host stops reading the pool there.
    InvalidUtf8,
    /// A field has no NUL: the kernel reads on into the bytes behind it.
    MissingNul,
    /// The key is empty.
    EmptyKey,
}

impl Reason {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TornTail => "torn_tail",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MissingNul => "missing_nul",
            Self::EmptyKey => "empty_key",
        }
    }
}

/// Something wrong with a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defect {
    /// The record's number, from 0.
    pub record: usize,
    /// What is wrong.
    pub reason: Reason,
    /// The field: `key`, `value`, or `None` for the whole record.
    pub field: Option<&'static str>,
}

/// Lists what is wrong with a pool's bytes, in file order.
///
/// # Errors
/// [`Refused`].
pub fn inspect(pool: &[u8]) -> Result<Vec<Defect>, Refused> {
    let mut defects = Vec::new();
    for (at, record) in records(pool) {
        // At most five defects a record: an empty key, and two of each field.
        memory::reserve(&mut defects, 5)?;
        inspect_record(at / RECORD_SIZE, record, &mut defects);
    }
    if pool.len() % RECORD_SIZE != 0 {
        defects.push(Defect { record: pool.len() / RECORD_SIZE, reason: Reason::TornTail, field: None });
    }
    Ok(defects)
}

fn inspect_record(number: usize, record: &[u8], defects: &mut Vec<Defect>) {
    let mut add = |reason, field| defects.push(Defect { record: number, reason, field });
    let (key, value) = record.split_at(KEY_SIZE);
    if key[0] == 0 {
        add(Reason::EmptyKey, Some("key"));
    }
    for (name, field) in [("key", key), ("value", value)] {
        let text = text(field);
        if text.len() == field.len() {
            add(Reason::MissingNul, Some(name));
        }
        if std::str::from_utf8(text).is_err() {
            add(Reason::InvalidUtf8, Some(name));
        }
    }
}

/// Repairs what [`inspect`] finds. The torn tail and records without a key are removed; a field that is not
/// UTF-8 or has no NUL is encoded again, with U+FFFD in place of bytes that are not UTF-8.
///
/// # Errors
/// [`Refused`].
pub fn repair(pool: &[u8]) -> Result<(Edit<'static>, Vec<Defect>), Refused> {
    let defects = inspect(pool)?;
    let pool = without_tail(pool);
    let first = defects.first().map_or(pool.len(), |defect| defect.record * RECORD_SIZE);
    let mut broken = defects.iter().map(|defect| defect.record * RECORD_SIZE).peekable();
    let mut with = memory::with_capacity(pool.len() - first)?;
    for (at, record) in records(&pool[first..]).map(|(at, record)| (first + at, record)) {
        if broken.peek() != Some(&at) {
            with.extend_from_slice(record);
            continue;
        }
        while broken.next_if_eq(&at).is_some() {}
        if record[0] != 0 {
            let (key, value) = record.split_at(KEY_SIZE);
            for field in [key, value] {
                mend(field, &mut with);
            }
        }
    }
    Ok((Edit::from(first, with), defects))
}

fn mend(field: &[u8], to: &mut Vec<u8>) {
    let mended = String::from_utf8_lossy(text(field));
    let end = to.len() + field.len();
    to.extend_from_slice(&mended.as_bytes()[..character_boundary(mended.as_bytes(), field.len() - 1)]);
    to.resize(end, 0);
}
