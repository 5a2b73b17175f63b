//! The writer's end of a channel. It frames the queued entries before it takes the locks; under the locks it
//! decides which entries the pool has room for and appends these in one write.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::appender::Appender;
use crate::attempt::Attempt;
use crate::budget::{Budget, Verdict};
use crate::clock;
use crate::drop_report::DropReport;
use crate::error::Error;
use crate::frame::{Entry, Framer, Kind, Level, Reject};
use crate::limits::CHUNKS_MAX;
use crate::lock::Backoff;
use crate::memory::Refused;
use crate::record::Batch;
use crate::ring::{Consumer, Cursor, ring};
use crate::shared::Shared;
use crate::stats::Reason;
use crate::sys::Sys;

/// The outcome of a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do.
    Idle,
    /// A batch was written or dropped; there may be more to do.
    Wrote,
    /// The writing is blocked by a lock or an error.
    Waits,
    /// The channel has ended.
    Ended,
}

/// A batch has at most this many records, so that the locks are held for less than 2 ms. Large batches cost
/// less for each record, because the kernel uses large pages for a long write.
const BATCH_MAX: usize = 512;
/// Where the disk is slow, batches shrink to as few as this.
const BATCH_MIN: usize = 64;
/// The records of a full batch and of one largest entry, which may go to the next batch. Memory for all of them is
/// reserved when the channel is opened, where a refusal is an error of the caller's. The kernel provides the
/// pages at the first write, so unused ones cost nothing.
const BATCH_MOST: usize = BATCH_MAX + CHUNKS_MAX;
const HOLD_SHORT: Duration = Duration::from_micros(500);
const HOLD_LONG: Duration = Duration::from_millis(1);
const LOCK_PAUSE_MAX: Duration = Duration::from_millis(20);
const IO_PAUSE_MAX: Duration = Duration::from_millis(250);
/// A flush waits 200 ms for a pool that can't be opened, so that is tried at least this often.
const OPEN_PAUSE_MAX: Duration = Duration::from_millis(100);

/// An entry of a batch: its records, and its place in the queue.
struct Group {
    first: usize,
    records: usize,
    position: Cursor,
    level: Level,
    /// The budget's verdict of the last attempt, if that failed.
    verdict: Option<Verdict>,
}

/// The writer's end of a channel.
pub struct Drain<S: Sys> {
    pool: Appender<S>,
    consumer: Consumer,
    framer: Framer,
    drop_report: DropReport,
    budget: Budget,
    shared: Arc<Shared>,
    batch: Batch,
    groups: Vec<Group>,
    /// The place in the queue just after the batch.
    cursor: Cursor,
    limit: usize,
    lock_backoff: Backoff,
    io_backoff: Backoff,
    not_before: Option<Instant>,
    obstacle: Reason,
    reported: u64,
}

impl<S: Sys> Drain<S> {
    pub(crate) fn new(
        pool: Appender<S>,
        consumer: Consumer,
        framer: Framer,
        drop_report: DropReport,
        budget: Budget,
        shared: Arc<Shared>,
    ) -> Result<Self, Refused> {
        let cursor = consumer.position();
        Ok(Self {
            pool,
            consumer,
            framer,
            drop_report,
            budget,
            shared,
            batch: Batch::with_capacity(BATCH_MOST)?,
            groups: Vec::new(),
            cursor,
            limit: BATCH_MIN * 4,
            lock_backoff: Backoff::up_to(LOCK_PAUSE_MAX),
            io_backoff: Backoff::up_to(IO_PAUSE_MAX),
            not_before: None,
            obstacle: Reason::Lock,
            reported: 0,
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// When the next attempt is due, while a lock or an error blocks the writing.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        self.not_before
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.consumer.is_empty()
            || self.shared.closing.load(Ordering::Acquire)
            || self.shared.wants_drop_report.load(Ordering::Acquire)
            || self.shared.wants_look.load(Ordering::Acquire)
    }

    /// Writes one batch, unless the writing is blocked.
    pub fn step(&mut self, now: Instant) -> Step {
        if self.shared.wants_look.load(Ordering::Acquire) {
            self.pool.look();
            self.shared.stats.miss(self.pool.take_missing());
            self.shared.wants_look.store(false, Ordering::Release);
        }
        let closing = self.shared.closing.load(Ordering::Acquire);
        if !closing && self.not_before.is_some_and(|then| now < then) {
            return Step::Waits;
        }
        if self.cursor == self.consumer.position() {
            self.fill();
        }
        let step = if self.cursor == self.consumer.position() { Step::Idle } else { self.write(now) };
        match step {
            Step::Idle if self.shared.wants_drop_report.load(Ordering::Acquire) => {
                self.write_drop_report(now)
            }
            Step::Idle | Step::Waits if closing => self.end(),
            step => step,
        }
    }

    /// Frames queued entries into the batch, up to the limit.
    fn fill(&mut self) {
        self.batch.truncate(0);
        self.groups.clear();
        while self.batch.len() < self.limit {
            let Some((body, next)) = self.consumer.peek(self.cursor) else { break };
            let first = self.batch.len();
            let (framed, level) = match Entry::read(body) {
                Some(entry) => (self.framer.frame(&entry, &mut self.batch), entry.level),
                None => (Err(Reject::Invalid), Level::Error),
            };
            match framed {
                Ok(_) if first > 0 && self.batch.len() > BATCH_MAX => {
                    // The locks would be held for too long: this entry starts the next batch.
                    self.batch.truncate(first);
                    break;
                }
                Ok(records) => {
                    let position = self.cursor;
                    self.groups.push(Group { first, records, position, level, verdict: None });
                }
                Err(reject) => {
                    let reason = if reject == Reject::TooLarge { Reason::TooLarge } else { Reason::Invalid };
                    self.shared.stats.drop_one(reason, level);
                    forget_finish(&mut self.budget, body);
                }
            }
            self.cursor = next;
        }
    }

    fn write(&mut self, now: Instant) -> Step {
        for id in self.shared.take_lost_finishes() {
            self.budget.lose(&id);
        }
        let Self { pool, batch, groups, budget, consumer, shared, .. } = self;
        let was_full = batch.len() >= self.limit;
        let started = Instant::now();
        let outcome = pool.append(|used| {
            admit(batch, groups, budget, consumer, shared, used);
            batch.as_bytes()
        });
        let held = started.elapsed();
        self.shared.stats.miss(self.pool.take_missing());
        match outcome {
            Ok(Attempt::Done(())) => {
                self.shared.stats.wrote(self.groups.len() as u64, self.batch.len() as u64);
                self.forget_batch();
                self.forget_obstacle();
                if held > HOLD_LONG {
                    self.limit = (self.limit / 2).max(BATCH_MIN);
                } else if was_full && held < HOLD_SHORT {
                    self.limit = (self.limit * 2).min(BATCH_MAX);
                }
                Step::Wrote
            }
            other => self.obstructed(other, now),
        }
    }

    /// Empties the batch and gives its space in the queue back.
    fn forget_batch(&mut self) {
        self.consumer.advance(self.cursor);
        self.batch.truncate(0);
        self.groups.clear();
    }

    fn forget_obstacle(&mut self) {
        self.shared.cannot_open.store(false, Ordering::Release);
        self.not_before = None;
        self.lock_backoff.reset();
        self.io_backoff.reset();
    }

    fn obstructed(&mut self, outcome: crate::Result<Attempt>, now: Instant) -> Step {
        let pause = match outcome {
            Err(error @ Error::CutShort { .. }) => {
                self.shared.stats.failed(error);
                self.drop_batch(Reason::Io);
                self.forget_obstacle();
                return Step::Wrote;
            }
            Err(error) => {
                let cannot_open = error.is_of_opening();
                self.obstacle = Reason::Io;
                self.shared.stats.failed(error);
                self.shared.cannot_open.store(cannot_open, Ordering::Release);
                let pause = self.io_backoff.pause();
                if cannot_open { pause.min(OPEN_PAUSE_MAX) } else { pause }
            }
            Ok(_) => {
                self.obstacle = Reason::Lock;
                self.shared.cannot_open.store(false, Ordering::Release);
                self.lock_backoff.pause()
            }
        };
        self.not_before = Some(now + pause);
        Step::Waits
    }

    fn drop_batch(&mut self, reason: Reason) {
        for group in &self.groups {
            self.shared.stats.drop_one(reason, group.level);
            if let Some((body, _)) = self.consumer.peek(group.position) {
                forget_finish(&mut self.budget, body);
            }
        }
        self.forget_batch();
    }

    /// Appends the drop report, unless nothing was dropped since the last one.
    fn write_drop_report(&mut self, now: Instant) -> Step {
        let dropped = self.shared.stats.dropped_in_all();
        if dropped > self.reported {
            let time = clock::now();
            let payload = self.drop_report.payload(&self.shared.stats, time);
            let entry = Entry {
                kind: Kind::Event,
                level: Level::Warn,
                time,
                id: b"",
                name: self.drop_report.name.as_bytes(),
                payload: payload.as_bytes(),
            };
            let Self { pool, batch, framer, budget, .. } = self;
            batch.truncate(0);
            let outcome = match framer.frame(&entry, batch) {
                Err(_) => Ok(Attempt::Done(())),
                Ok(_) => {
                    pool.append(|used| if budget.admits_drop_report(used) { batch.as_bytes() } else { &[] })
                }
            };
            self.batch.truncate(0);
            self.shared.stats.miss(self.pool.take_missing());
            match outcome {
                Ok(Attempt::Done(())) => {
                    self.reported = dropped;
                    self.forget_obstacle();
                }
                other => {
                    let step = self.obstructed(other, now);
                    if !self.shared.closing.load(Ordering::Acquire) {
                        return step;
                    }
                }
            }
        }
        self.shared.wants_drop_report.store(false, Ordering::Release);
        Step::Wrote
    }

    /// After a panic: drops the batch, or whatever else was being done, and counts it.
    pub(crate) fn recover(&mut self, message: String) {
        self.shared.stats.failed(Error::Panic { path: self.pool.path.clone(), message });
        self.pool.close();
        if self.cursor == self.consumer.position() {
            // The panic may have come while the first entry was read.
            if let Some((body, next)) = self.consumer.peek(self.cursor) {
                let level = Entry::read(body).map_or(Level::Error, |entry| entry.level);
                self.shared.stats.drop_one(Reason::Io, level);
                forget_finish(&mut self.budget, body);
                self.cursor = next;
            }
            self.shared.wants_drop_report.store(false, Ordering::Release);
        }
        self.drop_batch(Reason::Io);
        self.forget_obstacle();
    }

    fn end(&mut self) -> Step {
        self.drop_batch(self.obstacle);
        while let Some((body, next)) = self.consumer.peek(self.cursor) {
            // What can't be read counts as ERROR, so that it is not overlooked.
            let level = Entry::read(body).map_or(Level::Error, |entry| entry.level);
            self.shared.stats.drop_one(self.obstacle, level);
            self.cursor = next;
        }
        self.consumer.advance(self.cursor);
        self.shared.wants_drop_report.store(false, Ordering::Release);
        self.shared.wants_look.store(false, Ordering::Release);
        // The program may keep the closed channel, and with it this drain, for long: release its memory.
        self.pool.close();
        self.batch = Batch::default();
        // If not even the smallest queue can be allocated, the old one stays.
        if let Ok((_, consumer)) = ring(0) {
            self.consumer = consumer;
            self.cursor = self.consumer.position();
        }
        Step::Ended
    }
}

/// Keeps the entries that the pool has room for and counts the others as dropped.
fn admit(
    batch: &mut Batch,
    groups: &mut Vec<Group>,
    budget: &mut Budget,
    consumer: &Consumer,
    shared: &Shared,
    used: u64,
) {
    let mut kept = 0;
    groups.retain_mut(|group| {
        let entry = consumer.peek(group.position).and_then(|(body, _)| Entry::read(body));
        let verdict = entry.map_or(Verdict::Refused, |entry| {
            budget.admits(&entry, group.records as u64, used + kept as u64, group.verdict)
        });
        let fits = verdict != Verdict::Refused;
        if fits {
            if group.first != kept {
                batch.move_back(group.first, kept, group.records);
            }
            group.first = kept;
            group.verdict = Some(verdict);
            kept += group.records;
        } else {
            shared.stats.drop_one(Reason::Budget, group.level);
        }
        fits
    });
    batch.truncate(kept);
}

/// Releases the room reserved for an entry that will not be written, if it is a finish.
fn forget_finish(budget: &mut Budget, body: &[u8]) {
    if let Some(Entry { kind: Kind::Finish { .. }, id, .. }) = Entry::read(body) {
        budget.lose(id);
    }
}
