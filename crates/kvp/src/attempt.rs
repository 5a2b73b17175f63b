//! How an operation that never waits for a lock ends, and what tells a torn tail from an append half-way.

use std::time::{Duration, Instant};

use crate::limits::RECORD_SIZE;
use crate::sys::Stat;

/// A tail off a record boundary may be somebody's append half-way; it is torn only after the file stayed as
/// it is for this long.
pub const TORN_AFTER: Duration = Duration::from_millis(300);

/// How an attempt that never waits ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt<T = ()> {
    /// It was done.
    Done(T),
    /// Somebody holds a lock, or the file was replaced meanwhile.
    Busy,
    /// The file ends in the middle of a record, perhaps because somebody is writing.
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

/// Tells a torn tail from an append that is half-way.
#[derive(Debug, Default)]
pub(crate) struct Tail(Option<(Stat, Instant)>);

impl Tail {
    /// Whether the file ends at a record, or has ended where it does for long enough to be torn.
    pub(crate) fn is_settled(&mut self, stat: &Stat) -> bool {
        match self.0 {
            _ if stat.size % RECORD_SIZE as u64 == 0 => self.0 = None,
            Some((seen, since)) if seen == *stat => return since.elapsed() >= TORN_AFTER,
            Some(_) | None => self.0 = Some((*stat, Instant::now())),
        }
        self.0.is_none()
    }
}
