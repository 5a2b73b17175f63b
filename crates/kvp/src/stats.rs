//! Counts of what was written and what was dropped.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::frame::Level;

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The queue was full.
    Queue,
    /// The pool had no room left for its level.
    Budget,
    /// The payload was too large.
    TooLarge,
    /// A part of it can't be written in a record.
    Invalid,
    /// Until the channel was closed, another process held a lock or the file ended in the middle of a record.
    Lock,
    /// The operating system refused to write it.
    Io,
    /// It was emitted after the channel was closed.
    Closed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Queue, Self::Budget, Self::TooLarge, Self::Invalid, Self::Lock, Self::Io, Self::Closed];

    /// The name in statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Budget => "budget",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Lock => "lock",
            Self::Io => "io",
            Self::Closed => "closed",
        }
    }
}

/// Counts of entries; an entry may need several records.
#[derive(Debug, Default)]
pub struct Stats {
    accepted: AtomicU64,
    written: AtomicU64,
    records: AtomicU64,
    missing: AtomicU64,
    dropped: [[AtomicU64; 5]; 7],
    last_error: Mutex<Option<Error>>,
}

impl Stats {
    /// Entries emitted, both queued and dropped ones.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Entries that are in the file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Records that are in the file.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Records that went missing from the file; see [`crate::appender::Appender::take_missing`].
    pub fn missing(&self) -> u64 {
        self.missing.load(Ordering::Relaxed)
    }

    /// Entries dropped for `reason` at `level`.
    pub fn dropped(&self, reason: Reason, level: Level) -> u64 {
        self.dropped[reason as usize][level.index()].load(Ordering::Relaxed)
    }

    /// Entries dropped.
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().flatten().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Calls `look` with the last error.
    pub fn with_last_error<R>(&self, look: impl FnOnce(Option<&Error>) -> R) -> R {
        look(self.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).as_ref())
    }

    /// What was dropped for `reason`, by level.
    #[must_use]
    pub fn dropped_by_level(&self, reason: Reason) -> Vec<(Level, u64)> {
        let counts = Level::ALL.map(|level| (level, self.dropped(reason, level)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn accept(&self) {
        // Only the emitting thread writes it, so no locked instruction is needed.
        self.accepted.store(self.accepted() + 1, Ordering::Relaxed);
    }

    pub(crate) fn wrote(&self, entries: u64, records: u64) {
        self.written.fetch_add(entries, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn miss(&self, records: u64) {
        self.missing.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn drop_one(&self, reason: Reason, level: Level) {
        self.dropped[reason as usize][level.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, error: Error) {
        *self.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
    }
}
