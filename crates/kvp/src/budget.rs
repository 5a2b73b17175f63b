//! The budget of a pool: which entries still get room. The time that the host needs to walk a pool grows with
//! the square of its records, so their number is limited. `src/pool/fallback/budget.ts` is the counterpart.

use std::collections::{HashMap, HashSet};

use crate::frame::{Entry, Kind, Level};
use crate::limits::{FINISH_EXTRA, LOST_MAX, SAFE_VALUE};

/// The room of a pool, shared out by level and reserved for the finishes of admitted starts.
///
/// TRACE and DEBUG may fill half of what was free when the pool was first seen, INFO nine tenths. WARN, ERROR
/// and failed finishes may fill all but one record, which stays free for the drop report. A start reserves
/// room for its finish.
#[derive(Debug)]
pub struct Budget {
    max: u64,
    reserves_finishes: bool,
    limits: Option<LevelLimits>,
    /// How many records each admitted start has reserved for its finish.
    reserved: HashMap<Box<[u8]>, u64>,
    reserved_in_all: u64,
    /// The ids of finishes that were lost before their starts were admitted.
    lost: HashSet<Box<[u8]>>,
}

/// How many records a pool may have after an entry of a level.
#[derive(Debug, Clone, Copy)]
struct LevelLimits {
    debug: u64,
    info: u64,
    warn: u64,
}

impl LevelLimits {
    /// For a pool of at most `max` records that has `used` when it is first seen.
    fn new(max: u64, used: u64) -> Self {
        let free = max.saturating_sub(used);
        let warn = max.saturating_sub(1);
        Self { debug: warn.min(used + free / 2), info: warn.min(used + free * 9 / 10), warn }
    }

    fn of(self, level: Level) -> u64 {
        match level {
            Level::Trace | Level::Debug => self.debug,
            Level::Info => self.info,
            Level::Warn | Level::Error => self.warn,
        }
    }
}

/// What the budget says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no room for it.
    Refused,
    /// It may be written.
    Admitted,
    /// It is a finish and may be written: its start reserved room for it, which it takes up now.
    Reserved,
}

impl Budget {
    /// A budget of at most `max` records, whoever writes them. Starts reserve room only if it
    /// `reserves_finishes`; otherwise no finishes are expected.
    #[must_use]
    pub fn new(max: u64, reserves_finishes: bool) -> Self {
        Self {
            max,
            reserves_finishes,
            limits: None,
            reserved: HashMap::new(),
            reserved_in_all: 0,
            lost: HashSet::new(),
        }
    }

    /// Decides whether an entry of `records` records may be written to a pool that has `used` records. When
    /// the write failed, the entry may be asked for again; `before` is the verdict that it got then.
    pub fn admits(&mut self, entry: &Entry<'_>, records: u64, used: u64, before: Option<Verdict>) -> Verdict {
        let limits = *self.limits.get_or_insert_with(|| LevelLimits::new(self.max, used));
        let by_level = limits.of(entry.level);
        let (limit, also_needed, was_reserved) = match entry.kind {
            Kind::Event => (by_level, 0, false),
            Kind::Start => (by_level, self.finish_records(entry, records, before.is_some()), false),
            Kind::Finish { failed, .. } => {
                let was_reserved = self.forget(entry.id) || before == Some(Verdict::Reserved);
                if was_reserved || failed {
                    (limits.warn, 0, was_reserved)
                } else {
                    // Its start was refused: it gets room only where both would.
                    (by_level, if self.reserves_finishes { records } else { 0 }, false)
                }
            }
        };
        if used + records + also_needed + self.reserved_in_all > limit {
            return Verdict::Refused;
        }
        if entry.kind == Kind::Start && also_needed > 0 {
            self.reserved.insert(entry.id.into(), also_needed);
            self.reserved_in_all += also_needed;
        }
        if was_reserved { Verdict::Reserved } else { Verdict::Admitted }
    }

    /// How many records a start reserves. Forgets what it reserved when it was asked for before.
    fn finish_records(&mut self, start: &Entry<'_>, records: u64, is_asked_again: bool) -> u64 {
        let had_reserved = self.forget(start.id);
        // A start that is asked for again and has nothing reserved needs nothing: its finish was lost
        // meanwhile, or is in the same batch and comes next.
        let needs_room = if is_asked_again { had_reserved } else { !self.lost.remove(start.id) };
        if !self.reserves_finishes || !needs_room {
            return 0;
        }
        records.max((start.payload.len() + FINISH_EXTRA).div_ceil(SAFE_VALUE) as u64)
    }

    /// Notes that the finish with this id will not come: its room is given back, or will not be reserved.
    pub fn lose(&mut self, id: &[u8]) {
        if !self.forget(id) && self.lost.len() < LOST_MAX {
            self.lost.insert(id.into());
        }
    }

    /// Whether the drop report still fits into a pool that has `used` records.
    #[must_use]
    pub fn admits_drop_report(&self, used: u64) -> bool {
        used < self.max
    }

    /// Gives back the room reserved for a finish; says whether there was any.
    fn forget(&mut self, id: &[u8]) -> bool {
        let reserved = self.reserved.remove(id);
        self.reserved_in_all -= reserved.unwrap_or(0);
        reserved.is_some()
    }
}
