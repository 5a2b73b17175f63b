//! The program's end of a writer: a queue that one thread fills. Emitting never waits.

use std::path::PathBuf;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::appender::Appender;
use crate::budget::Budget;
use crate::clock;
use crate::drain::{Drain, Step};
use crate::drop_report::DropReport;
use crate::error::{Error, Purpose, Result};
use crate::frame::{Entry, Framer, Kind, Level, PAYLOAD_MAX};
use crate::key_layout::{KeyLayout, check_key_field};
use crate::ring::{Producer, ring};
use crate::shared::Shared;
use crate::stats::{Reason, Stats};
use crate::sys::{RealSys, Sys};
use crate::writer::{self, SharedWork, Work};

/// The options of a channel.
#[derive(Debug, Clone)]
pub struct Options {
    /// The pool's file.
    pub path: PathBuf,
    /// How the records' keys are laid out.
    pub keys: KeyLayout,
    /// The last record, which says what was dropped.
    pub drop_report: DropReport,
    /// Records that the pool may have at most.
    pub max_records: u64,
    /// Bytes of the queue, rounded up to a power of two.
    pub queue_bytes: usize,
    /// Whether starts are followed by finishes, for which room is reserved.
    pub reserves_finishes: bool,
    /// Empty a pool that was last changed before this time, in seconds since 1970.
    pub stale_before: Option<i64>,
    /// Write an entry before `emit` returns, unless another process holds a lock.
    pub write_through: bool,
}

/// The name of an entry: the handle of an interned name, or its text.
#[derive(Debug, Clone, Copy)]
pub enum Name<'a> {
    /// What [`Channel::intern`] returned.
    Handle(u32),
    /// The text itself.
    Text(&'a [u8]),
}

/// The result of copying a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// All of it was copied: this many bytes.
    Whole(usize),
    /// It may not fit: the text has this many bytes, and the place must have [`COPY_SLACK`] more.
    Needs(usize),
    /// The payload is no text.
    Invalid,
}

/// A place for a text must have this many bytes more than the text, for its NUL and because a text that does
/// not fit is cut before a character of up to four bytes.
pub const COPY_SLACK: usize = 5;

/// The program's end of a writer.
pub struct Channel {
    producer: Producer,
    shared: Arc<Shared>,
    thread: thread::Thread,
    work: SharedWork,
    names: Vec<Box<[u8]>>,
    name_max: usize,
    kept_for_important: usize,
    write_through: bool,
}

/// A program has few names. One that makes up new names all the time pays for copying their text.
const NAMES_MAX: usize = 4096;
const LIKELY_PAYLOAD: usize = 512;

impl Channel {
    /// Checks the options and the pool, and starts the writer's thread if it does not run.
    /// A pool that can't be opened yet is opened when it can: see [`Error::is_waited_for`].
    ///
    /// # Errors
    /// A layout whose keys can't be written, a drop report with a name that can't stand in them, or a pool
    /// that can never be opened; `clone` as the system call where the system refuses the thread.
    pub fn open(options: &Options) -> Result<Self> {
        Self::open_with(options, RealSys)
    }

    /// The same with other system calls, for tests.
    ///
    /// # Errors
    /// As [`Channel::open`].
    pub fn open_with<S: Sys>(options: &Options, sys: S) -> Result<Self> {
        let framer = Framer::new(&options.keys)?;
        check_key_field("dropReport.name", &options.drop_report.name, options.keys.name_max)?;
        let mut pool = Appender::new(sys, &options.path, options.stale_before);
        let shared = Arc::new(Shared::default());
        match pool.open() {
            Err(error) if error.is_waited_for() => shared.cannot_open.store(true, Ordering::Release),
            opened => opened?,
        }
        let refused = |refused| Error::no_memory(Purpose::Queue, &options.path, refused);
        let (producer, consumer) = ring(options.queue_bytes).map_err(refused)?;
        let budget = Budget::new(options.max_records, options.reserves_finishes);
        let report = options.drop_report.clone();
        let drain = Drain::new(pool, consumer, framer, report, budget, Arc::clone(&shared));
        let drain = drain.map_err(refused)?;
        let work: SharedWork = Arc::new(Mutex::new(drain));
        let thread = writer::add(Arc::clone(&work)).map_err(|source| Error::Io {
            syscall: "clone",
            path: options.path.clone(),
            source,
        })?;
        let (kept_for_important, names) = (producer.capacity() / 8, Vec::new());
        let (name_max, write_through) = (options.keys.name_max, options.write_through);
        Ok(Self { producer, shared, thread, work, names, name_max, kept_for_important, write_through })
    }

    /// A handle for a name; `None` when there are too many, or for one that is too long for a key.
    pub fn intern(&mut self, name: &[u8]) -> Option<u32> {
        if self.names.len() >= NAMES_MAX || name.len() > self.name_max {
            return None;
        }
        self.names.push(name.into());
        u32::try_from(self.names.len()).ok()
    }

    /// Queues an entry, or counts it as dropped. Makes no system call unless the writer's thread sleeps.
    /// `copy` writes the payload into the place that it gets, or returns how large the place must be.
    pub fn emit(
        &mut self,
        kind: Kind,
        level: Level,
        id: &[u8],
        name: Name<'_>,
        mut copy: impl FnMut(&mut [u8]) -> Copied,
    ) {
        self.shared.stats.accept();
        let name = match name {
            Name::Text(text) => Some(text),
            Name::Handle(handle) => {
                (handle as usize).checked_sub(1).and_then(|index| self.names.get(index)).map(AsRef::as_ref)
            }
        };
        let reason = match name {
            _ if self.shared.closing.load(Ordering::Relaxed) => Some(Reason::Closed),
            Some(name) if name.len() <= self.name_max && u8::try_from(id.len()).is_ok() => {
                let entry = Entry { kind, level, time: clock::now(), id, name, payload: &[] };
                let kept = if entry.is_important() { 0 } else { self.kept_for_important };
                match enqueue(&mut self.producer, &entry, LIKELY_PAYLOAD, kept, &mut copy) {
                    Queued::Needs(len) => match enqueue(&mut self.producer, &entry, len, kept, &mut copy) {
                        Queued::Needs(_) => Some(Reason::TooLarge),
                        queued => queued.obstacle(),
                    },
                    queued => queued.obstacle(),
                }
            }
            // A name or id that is too long, or a handle that is not from this channel.
            Some(_) | None => Some(Reason::Invalid),
        };
        match reason {
            Some(reason) => self.drop_one(reason, kind, level, id),
            None if self.write_through => self.work_along(writer::lock(&self.work)),
            None => self.wake_if_asleep(),
        }
    }

    /// Counts an entry as emitted and as dropped because it is not valid, for a caller that could not read its
    /// arguments. For a finish, `finished` is the id of the span. An entry without a valid level counts as
    /// ERROR, so that it is not overlooked.
    pub fn refuse(&self, level: Option<Level>, finished: Option<&[u8]>) {
        self.shared.stats.accept();
        self.shared.stats.drop_one(Reason::Invalid, level.unwrap_or(Level::Error));
        if let Some(id) = finished {
            self.shared.lose_finish(id);
        }
    }

    fn drop_one(&self, reason: Reason, kind: Kind, level: Level, id: &[u8]) {
        self.shared.stats.drop_one(reason, level);
        if matches!(kind, Kind::Finish { .. }) {
            self.shared.lose_finish(id);
        }
    }

    /// Writes queued entries in this thread until the queue is empty or the writing is blocked.
    fn work_along(&self, mut work: MutexGuard<'_, dyn Work + 'static>) {
        while !self.is_closed() && writer::step(&mut *work) == Step::Wrote && work.has_work() {}
        let is_done = !work.has_work();
        drop(work);
        if !is_done {
            self.wake_if_asleep();
        }
    }

    fn wake_if_asleep(&self) {
        // Pairs with the fence in `writer`: either this thread sees `asleep`, or the writer's thread sees the
        // new entry.
        fence(Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::Relaxed) && self.shared.asleep.swap(false, Ordering::Relaxed) {
            self.thread.unpark();
        }
    }

    /// Everything emitted so far lies before this position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.producer.position()
    }

    /// Whether everything before `position` is in the file or counted as dropped, and a requested look is
    /// done and a requested drop report written. Wakes the thread up if not.
    #[must_use]
    pub fn is_drained(&self, position: u64) -> bool {
        let drained = self.is_closed()
            || self.producer.is_consumed(position)
                && !self.shared.wants_drop_report.load(Ordering::Acquire)
                && !self.shared.wants_look.load(Ordering::Acquire);
        if !drained {
            self.thread.unpark();
        }
        drained
    }

    /// Requests a look whether the records that were written are still where the path leads; the statistics
    /// say how many are missing.
    pub fn request_look(&self) {
        self.shared.wants_look.store(true, Ordering::Release);
    }

    /// Requests a last record that says what was dropped, if anything was.
    pub fn request_drop_report(&self) {
        self.shared.wants_drop_report.store(true, Ordering::Release);
    }

    /// Whether the pool could not be opened when that was last tried. That may pass; until then nothing can be
    /// written.
    #[must_use]
    pub fn cannot_open(&self) -> bool {
        self.shared.cannot_open.load(Ordering::Acquire)
    }

    /// Waits until everything emitted so far is in the file or the time is over; returns whether it is. The
    /// writer's thread writes: a disk that does not answer would hold this one for longer.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> bool {
        let position = self.position();
        poll(timeout, || self.is_drained(position))
    }

    /// Ends the channel: what can't be written at once is dropped and counted. Waits until that is done, then
    /// releases the memory of the queue.
    pub fn close(&mut self, timeout: Duration) {
        self.shared.closing.store(true, Ordering::Release);
        poll(timeout, || {
            self.thread.unpark();
            self.is_closed()
        });
        if self.is_closed() {
            // Where the memory for the smallest queue is refused, the old one stays.
            if let Ok((producer, _)) = ring(0) {
                self.producer = producer;
            }
            self.names = Vec::new();
        }
    }

    /// Whether the writer's thread has ended its work on the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Bytes of the queue that wait to be written.
    pub fn queued_bytes(&mut self) -> usize {
        self.producer.capacity() - self.producer.free()
    }

    /// The counts.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

enum Queued {
    Done,
    Full,
    TooLarge,
    Invalid,
    Needs(usize),
}

impl Queued {
    fn obstacle(self) -> Option<Reason> {
        match self {
            Self::Done => None,
            Self::Full => Some(Reason::Queue),
            Self::Invalid => Some(Reason::Invalid),
            Self::TooLarge | Self::Needs(_) => Some(Reason::TooLarge),
        }
    }
}

fn enqueue(
    producer: &mut Producer,
    entry: &Entry<'_>,
    payload: usize,
    kept: usize,
    copy: &mut impl FnMut(&mut [u8]) -> Copied,
) -> Queued {
    let head = entry.head_len();
    let needed = head + payload + COPY_SLACK;
    // An empty ring has half of its bytes in one piece, wherever its head is.
    if payload > PAYLOAD_MAX || needed > producer.capacity() / 2 {
        return Queued::TooLarge;
    }
    if !producer.has_room(needed + kept) {
        return Queued::Full;
    }
    let Some(mut body) = producer.reserve(needed) else { return Queued::Full };
    entry.write_head(&mut body);
    match copy(&mut body[head..]) {
        Copied::Needs(len) => Queued::Needs(len),
        Copied::Invalid => Queued::Invalid,
        Copied::Whole(len) => {
            body.commit(head + len);
            Queued::Done
        }
    }
}

fn poll(timeout: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now().checked_add(timeout);
    loop {
        if done() {
            return true;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        thread::sleep(Duration::from_micros(50));
    }
}
