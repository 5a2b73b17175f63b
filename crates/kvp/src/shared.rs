//! State that the two ends of a channel share besides the queue.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::limits::LOST_MAX;
use crate::stats::Stats;

/// What a channel and its drain share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) stats: Stats,
    /// The writer's thread sleeps and must be woken up for this channel.
    pub(crate) asleep: AtomicBool,
    /// The pool could not be opened when that was last tried.
    pub(crate) cannot_open: AtomicBool,
    /// The report of what was dropped is wanted.
    pub(crate) wants_drop_report: AtomicBool,
    /// Somebody wants to know whether the records that were written are still there.
    pub(crate) wants_look: AtomicBool,
    /// The channel is being closed: what can't be written at once is dropped.
    pub(crate) closing: AtomicBool,
    /// The writer's thread has ended its work on the channel.
    pub(crate) closed: AtomicBool,
    /// Ids of finishes that were dropped before they reached the queue, for the budget to release the room
    /// that it reserved for them.
    pub(crate) lost_finishes: Mutex<Vec<Box<[u8]>>>,
    /// Whether there are such ids, so that a check takes no lock.
    pub(crate) has_lost_finishes: AtomicBool,
}

impl Shared {
    pub(crate) fn lose_finish(&self, id: &[u8]) {
        let mut lost = self.lost_finishes.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.len() < LOST_MAX {
            lost.push(id.into());
        }
        self.has_lost_finishes.store(true, Ordering::Release);
    }

    pub(crate) fn take_lost_finishes(&self) -> Vec<Box<[u8]>> {
        if !self.has_lost_finishes.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.lost_finishes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
