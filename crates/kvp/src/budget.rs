//! Which entries a pool still has room for. The host walks a pool in time that grows with the square
//! of its records, so they are a budget, not a log.

use std::collections::HashSet;

use crate::diag::{Entry, Kind, Level};

/// Room for levels, and for the finishes of starts that were written.
#[derive(Debug)]
pub struct Budget {
    max: u64,
    limits: Option<Limits>,
    open_spans: HashSet<Box<[u8]>>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    debug: u64,
    info: u64,
    rest: u64,
}

impl Budget {
    /// A pool of at most `max` records, whoever wrote them.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self { max, limits: None, open_spans: HashSet::new() }
    }

    /// Whether an entry of `records` records may be written to a pool that has `used`.
    ///
    /// TRACE and DEBUG may fill half of what was left when the pool was first seen, INFO nine
    /// tenths, the rest is for WARN, ERROR and failed finishes; one record stays free for the
    /// account of what was dropped. A start reserves its finish.
    pub fn admits(&mut self, entry: &Entry<'_>, records: u64, used: u64) -> bool {
        let limits = *self.limits.get_or_insert_with(|| {
            let left = self.max.saturating_sub(used);
            Limits { debug: used + left / 2, info: used + left * 9 / 10, rest: self.max.saturating_sub(1) }
        });
        let by_level = match entry.level {
            Level::Trace | Level::Debug => limits.debug,
            Level::Info => limits.info,
            Level::Warn | Level::Error => limits.rest,
        };
        let limit = match entry.kind {
            Kind::Start => {
                let needed = used + records + self.open_spans.len() as u64 + 1;
                let fits = needed <= by_level;
                if fits {
                    self.open_spans.insert(entry.id.into());
                }
                return fits;
            }
            Kind::Finish { failed, .. } if self.open_spans.remove(entry.id) || failed => limits.rest,
            Kind::Finish { .. } | Kind::Event => by_level,
        };
        used + records + self.open_spans.len() as u64 <= limit
    }

    /// Whether the account of what was dropped still fits.
    #[must_use]
    pub fn admits_account(&self, used: u64) -> bool {
        used < self.max
    }
}
