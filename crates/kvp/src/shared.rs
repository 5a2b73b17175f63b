//! What the two ends of a channel tell each other besides the queue.

use std::sync::atomic::AtomicBool;

use crate::stats::Stats;

/// What a channel and its drain share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) stats: Stats,
    /// The thread sleeps and must be woken for this channel.
    pub(crate) asleep: AtomicBool,
    /// The account of what was dropped is wanted.
    pub(crate) seal: AtomicBool,
    /// Nothing more will come; what can't be written at once is dropped.
    pub(crate) closing: AtomicBool,
    pub(crate) closed: AtomicBool,
}
