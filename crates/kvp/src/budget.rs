//! Decides which entries a pool has room for. The host reads a pool in time that grows with the square of
//! its records, so their number is limited.

use std::collections::{HashMap, HashSet};

use crate::frame::{Entry, Kind, Level};
use crate::limits::SAFE_VALUE;

/// How many records each level may use, and the room that written starts reserve for their finishes.
#[derive(Debug)]
pub struct Budget {
    max: u64,
    limits: Option<Limits>,
    /// Records reserved for finishes, by the id of the span. Only a start that is written reserves any.
    kept: HashMap<Box<[u8]>, u64>,
    kept_in_all: u64,
    /// Ids of spans whose finish was lost before their start was admitted.
    lost: HashSet<Box<[u8]>>,
    reserves_finishes: bool,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    debug: u64,
    info: u64,
    rest: u64,
}

/// The budget's decision about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no room for it.
    Refused,
    /// It may be written.
    Admitted,
    /// It may be written, in the room that its start reserved. The reservation is used up: when the write
    /// fails and the entry is tried again, this verdict must be passed as `before`.
    Kept,
}

/// A finish has the fields of its start and at most this many bytes more, for times and trace ids.
const FINISH_EXTRA: usize = 200;

/// At most this many lost finishes are remembered, so that a queue that stays full can't fill the memory.
pub(crate) const LOST_MAX: usize = 4096;

impl Budget {
    /// For a pool of at most `max` records, including those of other writers. With `reserves_finishes` each
    /// start reserves room for its finish; pass `false` where starts have no finishes.
    #[must_use]
    pub fn new(max: u64, reserves_finishes: bool) -> Self {
        Self {
            max,
            limits: None,
            kept: HashMap::new(),
            kept_in_all: 0,
            lost: HashSet::new(),
            reserves_finishes,
        }
    }

    /// Whether an entry of `records` records may be written to a pool that has `used` records. Where the write
    /// fails, ask again for the next attempt, with the first verdict as `before`.
    ///
    /// TRACE and DEBUG may fill half of the room that was free when the pool was first seen, INFO nine
    /// tenths; the rest is for WARN, ERROR and failed finishes. One record stays free for the drop report. A
    /// start reserves room for its finish.
    pub fn admits(&mut self, entry: &Entry<'_>, records: u64, used: u64, before: Option<Verdict>) -> Verdict {
        let limits = *self.limits.get_or_insert_with(|| {
            let left = self.max.saturating_sub(used);
            Limits { debug: used + left / 2, info: used + left * 9 / 10, rest: self.max.saturating_sub(1) }
        });
        let by_level = match entry.level {
            Level::Trace | Level::Debug => limits.debug,
            Level::Info => limits.info,
            Level::Warn | Level::Error => limits.rest,
        };
        let was_kept = match entry.kind {
            Kind::Event => false,
            // The start is tried again: its reservation is made anew below.
            Kind::Start => {
                self.forget(entry.id);
                false
            }
            Kind::Finish { .. } => self.forget(entry.id) || before == Some(Verdict::Kept),
        };
        let needed = used + records + self.kept_in_all;
        let fits = match entry.kind {
            Kind::Start if self.reserves_finishes && !self.lost.remove(entry.id) => {
                let for_finish =
                    records.max((entry.payload.len() + FINISH_EXTRA).div_ceil(SAFE_VALUE) as u64);
                let fits = needed + for_finish <= by_level;
                if fits {
                    self.kept.insert(entry.id.into(), for_finish);
                    self.kept_in_all += for_finish;
                }
                fits
            }
            Kind::Finish { failed, .. } if was_kept || failed => needed <= limits.rest,
            // The finish of a span that succeeded, whose start was not written: it is only admitted where a
            // start and its finish would have room.
            Kind::Finish { .. } if self.reserves_finishes => needed + records <= by_level,
            Kind::Start | Kind::Finish { .. } | Kind::Event => needed <= by_level,
        };
        match (fits, was_kept) {
            (false, _) => Verdict::Refused,
            (true, false) => Verdict::Admitted,
            (true, true) => Verdict::Kept,
        }
    }

    /// Releases the room reserved for a finish; returns whether any was.
    pub fn forget(&mut self, id: &[u8]) -> bool {
        let kept = self.kept.remove(id);
        self.kept_in_all -= kept.unwrap_or(0);
        kept.is_some()
    }

    /// Releases the room for a finish that was lost. Where its start was not admitted yet, none will be
    /// reserved.
    pub fn lose(&mut self, id: &[u8]) {
        if !self.forget(id) && self.lost.len() < LOST_MAX {
            self.lost.insert(id.into());
        }
    }

    /// Whether there is room for the drop report.
    #[must_use]
    pub fn admits_drop_report(&self, used: u64) -> bool {
        used < self.max
    }
}
