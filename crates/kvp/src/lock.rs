//! The two locks of a pool, held for one operation.
//!
//! cloud-init and azure-init take `flock`, `hv_kvp_daemon` takes `fcntl`. On Linux these locks do not exclude
//! each other, so this module takes both: `flock` first, released in reverse order.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::sys::{Lock, Sys};

/// Both locks, held until dropped.
#[derive(Debug)]
pub struct Guard<'a, S: Sys> {
    sys: &'a S,
    fd: BorrowedFd<'a>,
}

impl<'a, S: Sys> Guard<'a, S> {
    /// Takes both locks without waiting; `None` when another process holds one of them.
    ///
    /// # Errors
    /// The system's, where the file system has no locks.
    pub fn try_take(sys: &'a S, fd: BorrowedFd<'a>, lock: Lock) -> io::Result<Option<Self>> {
        if !sys.flock(fd, lock)? {
            return Ok(None);
        }
        match sys.ofd_lock(fd, lock) {
            Ok(true) => Ok(Some(Self { sys, fd })),
            busy_or_error => {
                // As in `drop`.
                let _ = sys.flock(fd, Lock::Release);
                busy_or_error.map(|_| None)
            }
        }
    }
}

impl<S: Sys> Drop for Guard<'_, S> {
    fn drop(&mut self) {
        // A release fails only for a closed descriptor, and closing it has released both locks.
        let _ = self.sys.ofd_lock(self.fd, Lock::Release);
        let _ = self.sys.flock(self.fd, Lock::Release);
    }
}

/// Pauses between attempts, each twice as long as the one before.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    next: Duration,
    most: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_micros(50);

impl Backoff {
    /// Starts at 50 µs and grows up to `most`.
    #[must_use]
    pub fn up_to(most: Duration) -> Self {
        Self { next: FIRST_PAUSE, most }
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.most);
        pause
    }

    /// Starts again with the shortest pause, after a success.
    pub fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }
}
