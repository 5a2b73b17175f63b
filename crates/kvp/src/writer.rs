//! The thread that writes the queued entries of all channels of the process.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::drain::{Drain, Step};
use crate::shared::Shared;
use crate::sys::Sys;

/// The writer's end of a channel, independent of the type of its system calls.
pub(crate) trait Work: Send {
    fn step(&mut self, now: Instant) -> Step;
    fn has_work(&self) -> bool;
    fn waits_until(&self) -> Option<Instant>;
    fn shared(&self) -> &Shared;
    fn recover(&mut self, panic: String);
}

impl<S: Sys> Work for Drain<S> {
    fn step(&mut self, now: Instant) -> Step {
        Drain::step(self, now)
    }
    fn has_work(&self) -> bool {
        Drain::has_work(self)
    }
    fn waits_until(&self) -> Option<Instant> {
        Drain::waits_until(self)
    }
    fn shared(&self) -> &Shared {
        Drain::shared(self)
    }
    fn recover(&mut self, panic: String) {
        Drain::recover(self, panic);
    }
}

/// After writing, the thread naps this long before it checks the queues again. Entries that are emitted
/// meanwhile are written in one batch and need no wake-up; they are still in the file within 1 ms.
const NAP: Duration = Duration::from_micros(400);
/// After this many naps without work the thread sleeps until it is woken up.
const NAPS: u32 = 3;

/// Work of the writer's thread, shared with a program that waits and works along.
pub(crate) type SharedWork = Arc<Mutex<dyn Work>>;

struct Inbox {
    thread: Option<Thread>,
    new: Vec<SharedWork>,
}

static INBOX: Mutex<Inbox> = Mutex::new(Inbox { thread: None, new: Vec::new() });
static MAIL: AtomicBool = AtomicBool::new(false);

fn inbox() -> MutexGuard<'static, Inbox> {
    INBOX.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a channel to the writer's thread and returns the thread, which is started if it does not run.
pub(crate) fn add(work: SharedWork) -> io::Result<Thread> {
    let mut inbox = inbox();
    let thread = if let Some(thread) = &inbox.thread {
        thread.clone()
    } else {
        // The thread ends after the last channel. It is never joined: the module stays mapped.
        let handle = thread::Builder::new().name("kvp-writer".into()).spawn(run)?;
        handle.thread().clone()
    };
    inbox.thread = Some(thread.clone());
    inbox.new.push(work);
    MAIL.store(true, Ordering::Release);
    thread.unpark();
    Ok(thread)
}

/// A step of the work. A panic in it is a defect; it costs the batch, which is counted, and the work goes on.
/// Only where even that panics is the work over.
pub(crate) fn step(work: &mut dyn Work) -> Step {
    let now = Instant::now();
    catch_unwind(AssertUnwindSafe(|| work.step(now))).unwrap_or_else(|panic| {
        let message = message_of(&*panic);
        if catch_unwind(AssertUnwindSafe(|| work.recover(message))).is_ok() {
            return Step::Wrote;
        }
        work.shared().closing.store(true, Ordering::Release);
        Step::Ended
    })
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").into()
}

/// Locks work; it is never held for longer than one append takes. A panic of its holder is no reason to stop:
/// each step looks at the queue and the file again.
pub(crate) fn lock(work: &SharedWork) -> MutexGuard<'_, dyn Work + 'static> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run() {
    let mut works: Vec<SharedWork> = Vec::new();
    let mut naps = 0;
    loop {
        if MAIL.swap(false, Ordering::Acquire) {
            works.append(&mut inbox().new);
        }
        let mut wrote = false;
        let mut wait: Option<Instant> = None;
        let mut is_busy = false;
        works.retain(|work| {
            let mut work = lock(work);
            let step = step(&mut *work);
            if step == Step::Ended {
                work.shared().closed.store(true, Ordering::Release);
                return false;
            }
            wrote |= step == Step::Wrote;
            match work.waits_until() {
                Some(until) => wait = Some(wait.map_or(until, |wait| wait.min(until))),
                None => is_busy |= work.has_work(),
            }
            true
        });
        if works.is_empty() {
            let mut inbox = inbox();
            if inbox.new.is_empty() {
                inbox.thread = None;
                return;
            }
            continue;
        }
        naps = if wrote { 0 } else { naps + 1 };
        if wrote && is_busy {
            continue;
        }
        let wait = wait.map(|until| until.saturating_duration_since(Instant::now()));
        if naps <= NAPS {
            thread::park_timeout(wait.map_or(NAP, |wait| wait.min(NAP)));
        } else {
            sleep(&works, wait);
        }
    }
}

/// Sleeps until a channel that is not blocked has something to write, or for `wait`.
fn sleep(works: &[SharedWork], wait: Option<Duration>) {
    for work in works {
        let work = lock(work);
        // While a channel waits for a lock, emitting must not pay for wake-ups that change nothing.
        work.shared().asleep.store(work.waits_until().is_none(), Ordering::Relaxed);
    }
    // Pairs with the fence in `channel`: either this thread sees the new entry, or the emitting thread sees
    // `asleep`.
    fence(Ordering::SeqCst);
    let has_news = works.iter().map(lock).any(|work| work.waits_until().is_none() && work.has_work());
    if !has_news && !MAIL.load(Ordering::Acquire) {
        match wait {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
    for work in works {
        lock(work).shared().asleep.store(false, Ordering::Relaxed);
    }
}
