//! The one thread that writes what all channels of the process queued.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::drain::{Drain, Step};
use crate::shared::Shared;
use crate::sys::Sys;

/// The thread's end of a channel, whatever system calls it makes.
pub(crate) trait Work: Send {
    fn step(&mut self, now: Instant) -> Step;
    fn has_work(&self) -> bool;
    fn waits_until(&self) -> Option<Instant>;
    fn shared(&self) -> &Shared;
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
}

/// After writing, the thread naps this long before it looks again: what comes meanwhile is batched
/// and costs its emitter no wake-up, and is still visible within 1 ms.
const NAP: Duration = Duration::from_micros(400);
/// After so many naps with nothing to do it sleeps until it is woken.
const NAPS: u32 = 3;

struct Inbox {
    thread: Option<Thread>,
    new: Vec<Box<dyn Work>>,
}

static INBOX: Mutex<Inbox> = Mutex::new(Inbox { thread: None, new: Vec::new() });
static MAIL: AtomicBool = AtomicBool::new(false);

fn inbox() -> MutexGuard<'static, Inbox> {
    INBOX.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a channel to the thread, which is started if it does not run, and returns the thread.
pub(crate) fn add(work: Box<dyn Work>) -> io::Result<Thread> {
    let mut inbox = inbox();
    let thread = if let Some(thread) = &inbox.thread {
        thread.clone()
    } else {
        // It ends by itself after the last channel; the module stays mapped, so nobody joins it.
        let handle = thread::Builder::new().name("kvp-writer".into()).spawn(run)?;
        handle.thread().clone()
    };
    inbox.thread = Some(thread.clone());
    inbox.new.push(work);
    MAIL.store(true, Ordering::Release);
    thread.unpark();
    Ok(thread)
}

fn run() {
    let mut works: Vec<Box<dyn Work>> = Vec::new();
    let mut naps = 0;
    loop {
        if MAIL.swap(false, Ordering::Acquire) {
            works.append(&mut inbox().new);
        }
        let mut wrote = false;
        works.retain_mut(|work| match work.step(Instant::now()) {
            Step::Idle | Step::Waits => true,
            Step::Wrote => {
                wrote = true;
                true
            }
            Step::Ended => {
                work.shared().closed.store(true, Ordering::Release);
                false
            }
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
        if naps == 0 && works.iter().any(|work| work.waits_until().is_none() && work.has_work()) {
            continue;
        }
        let wait = works.iter().filter_map(|work| work.waits_until()).min();
        let wait = wait.map(|until| until.saturating_duration_since(Instant::now()));
        if naps <= NAPS {
            thread::park_timeout(wait.map_or(NAP, |wait| wait.min(NAP)));
        } else {
            sleep(&works, wait);
        }
    }
}

/// Sleeps until a channel that waits for nothing else has something to write, or for as long as
/// `wait` says.
fn sleep(works: &[Box<dyn Work>], wait: Option<Duration>) {
    for work in works {
        // Who emits while a lock is stuck must not pay for wake-ups that change nothing.
        work.shared().asleep.store(work.waits_until().is_none(), Ordering::Relaxed);
    }
    // Pairs with the fence in `channel`: either this thread sees the entry, or that one `asleep`.
    fence(Ordering::SeqCst);
    let has_news = works.iter().any(|work| work.waits_until().is_none() && work.has_work());
    if !has_news && !MAIL.load(Ordering::Acquire) {
        match wait {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
    for work in works {
        work.shared().asleep.store(false, Ordering::Relaxed);
    }
}
