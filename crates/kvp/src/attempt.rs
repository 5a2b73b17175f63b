//! The outcome of an operation that never waits for a lock, and the check for a torn tail.

use std::time::{Duration, Instant};

use crate::limits::RECORD_SIZE;
use crate::sys::Stat;

/// A file that ends in the middle of a record may be in the middle of somebody's append. Its tail counts as
/// torn after the file has not changed for this long.
pub const TORN_AFTER: Duration = Duration::from_millis(300);

/// The outcome of an attempt that never waits.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt<T = ()> {
    /// The operation was done.
    Done(T),
    /// Another process holds a lock, or replaced the file meanwhile.
    Busy,
    /// The file ends in the middle of a record, perhaps because another process is writing.
    Unsettled,
}

impl<T> Attempt<T> {
    /// The same attempt with another result.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Done(result) => Attempt::Done(make(result)),
            Self::Busy => Attempt::Busy,
            Self::Unsettled => Attempt::Unsettled,
        }
    }
}

/// Distinguishes a torn tail from an append in progress.
#[derive(Debug, Default)]
pub(crate) struct Tail(Option<(Stat, Instant)>);

impl Tail {
    /// Whether the file ends at a record boundary, or has not changed for [`TORN_AFTER`].
    pub(crate) fn is_settled(&mut self, stat: &Stat) -> bool {
        match self.0 {
            _ if stat.size % RECORD_SIZE as u64 == 0 => self.0 = None,
            Some((seen, since)) if seen == *stat => return since.elapsed() >= TORN_AFTER,
            Some(_) | None => self.0 = Some((*stat, Instant::now())),
        }
        self.0.is_none()
    }
}
