//! Which entries a pool still has room for. The host walks a pool in time that grows with the square
//! of its records, so they are a budget, not a log.

use std::collections::{HashMap, HashSet};

use crate::frame::{Entry, Kind, Level};
use crate::limits::SAFE_VALUE;

/// Room for levels, and for the finishes of starts that were written.
#[derive(Debug)]
pub struct Budget {
    max: u64,
    limits: Option<Limits>,
    /// Of starts that were written: the records kept for their finishes.
    kept: HashMap<Box<[u8]>, u64>,
    kept_in_all: u64,
    /// Of spans whose finish is lost before their start was admitted.
    lost: HashSet<Box<[u8]>>,
    reserves_finishes: bool,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    debug: u64,
    info: u64,
    rest: u64,
}

/// What the budget says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no room for it.
    Refused,
    /// It may be written.
    Admitted,
    /// It may be written: room was kept for it. Say so when asking again, for then it no longer is.
    Kept,
}

/// A finish repeats its start's fields and adds times and trace ids, in so many bytes at most.
const FINISH_EXTRA: usize = 200;

/// So many lost finishes are remembered, lest a queue that is full for ever fills the memory instead.
pub(crate) const LOST_MAX: usize = 4096;

impl Budget {
    /// A pool of at most `max` records, whoever wrote them. Unless it `reserves_finishes`, starts are
    /// never followed by any.
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

    /// Whether an entry of `records` records may be written to a pool that has `used`. May be asked
    /// again for an entry that could not be written, with what was said of it `before`.
    ///
    /// TRACE and DEBUG may fill half of what was left when the pool was first seen, INFO nine
    /// tenths, the rest is for WARN, ERROR and failed finishes; one record stays free for the
    /// drop report. A start keeps room for its finish.
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
            // A start that is asked for again keeps its room anew.
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
            // A success whose start was not written: no more room for it than a start would need.
            Kind::Finish { .. } if self.reserves_finishes => needed + records <= by_level,
            Kind::Start | Kind::Finish { .. } | Kind::Event => needed <= by_level,
        };
        match (fits, was_kept) {
            (false, _) => Verdict::Refused,
            (true, false) => Verdict::Admitted,
            (true, true) => Verdict::Kept,
        }
    }

    /// Gives back what was kept for a finish that will not come; says whether anything was.
    pub fn forget(&mut self, id: &[u8]) -> bool {
        let kept = self.kept.remove(id);
        self.kept_in_all -= kept.unwrap_or(0);
        kept.is_some()
    }

    /// Gives back what was kept, or will not keep anything, for a finish that was lost on its way.
    pub fn lose(&mut self, id: &[u8]) {
        if !self.forget(id) && self.lost.len() < LOST_MAX {
            self.lost.insert(id.into());
        }
    }

    /// Whether the report of what was dropped still fits.
    #[must_use]
    pub fn admits_drop_report(&self, used: u64) -> bool {
        used < self.max
    }
}
