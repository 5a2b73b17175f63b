//! A pool file: opening it, repairing its tail, appending to it under both locks.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::limits::RECORD_SIZE;
use crate::lock::Guard;
use crate::sys::{RealSys, Stat, Sys};

/// A tail off a record boundary may be somebody's append half-way; it is torn only after the file
/// stayed as it is for this long.
pub const TORN_AFTER: Duration = Duration::from_millis(300);

/// How an attempt to append ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is in the file.
    Written,
    /// Somebody holds a lock, or the file was replaced while it was written.
    Busy,
    /// The file ends in the middle of a record, perhaps because somebody is writing.
    Unsettled,
}

/// A pool opened for appending.
#[derive(Debug)]
pub struct Pool<S: Sys = RealSys> {
    sys: S,
    path: PathBuf,
    fd: Option<OwnedFd>,
    stale_before: Option<i64>,
    unsettled: Option<(Stat, Instant)>,
}

impl<S: Sys> Pool<S> {
    /// A pool at `path`, not yet opened. With `stale_before` (seconds since 1970) the first append
    /// empties a file that was last changed before then.
    pub fn new(sys: S, path: impl Into<PathBuf>, stale_before: Option<i64>) -> Self {
        Self { sys, path: path.into(), fd: None, stale_before, unsettled: None }
    }

    /// Opens the file, creates it if its folder exists. An append does this by itself.
    ///
    /// # Errors
    /// [`Error::NotAPoolFile`], or [`Error::Io`] where it can't be opened.
    pub fn open(&mut self) -> Result<()> {
        if self.fd.is_none() {
            let fd = self.sys.open(&self.path).map_err(|error| self.open_error(error))?;
            let stat = self.sys.stat(fd.as_fd()).map_err(|error| io_error("fstat", &self.path, error))?;
            if let Some(found) = stat.irregular {
                return Err(Error::NotAPoolFile { path: self.path.clone(), found });
            }
            self.fd = Some(fd);
        }
        Ok(())
    }

    /// Appends in one go, under both locks, what `choose` makes of the number of records that the
    /// file has. Never waits.
    ///
    /// # Errors
    /// [`Error::CutShort`] when part of it stays in the file for good; after any other error the
    /// file is as it was.
    pub fn append<'b>(&mut self, choose: impl FnOnce(u64) -> &'b [u8]) -> Result<Outcome> {
        self.open()?;
        let Some(fd) = &self.fd else { return Ok(Outcome::Busy) };
        let fd = fd.as_fd();
        let (sys, path) = (&self.sys, self.path.as_path());
        let Some(guard) = Guard::try_exclusive(sys, fd).map_err(|error| io_error("lock", path, error))?
        else {
            return Ok(Outcome::Busy);
        };
        let mut size = stat(sys, fd, path)?;
        if !size.linked {
            drop(guard);
            self.fd = None;
            return Ok(Outcome::Busy);
        }
        if self.stale_before.is_some_and(|boot| size.mtime.0 < boot) {
            truncate(sys, fd, path, 0)?;
            size.size = 0;
        }
        self.stale_before = None;
        let torn = size.size % RECORD_SIZE as u64;
        if torn == 0 {
            self.unsettled = None;
        } else {
            match self.unsettled {
                Some((seen, since)) if seen == size && since.elapsed() >= TORN_AFTER => {
                    size.size -= torn;
                    truncate(sys, fd, path, size.size)?;
                    self.unsettled = None;
                }
                Some((seen, _)) if seen == size => return Ok(Outcome::Unsettled),
                _ => {
                    self.unsettled = Some((size, Instant::now()));
                    return Ok(Outcome::Unsettled);
                }
            }
        }
        let bytes = choose(size.size / RECORD_SIZE as u64);
        write_whole(sys, fd, path, bytes, size.size)?;
        // What can't be asked is taken for fine: the records are in the file.
        let linked = sys.stat(fd).map_or(true, |stat| stat.linked);
        drop(guard);
        if linked {
            Ok(Outcome::Written)
        } else {
            self.fd = None;
            Ok(Outcome::Busy)
        }
    }

    fn open_error(&self, error: io::Error) -> Error {
        let found = match error.raw_os_error() {
            Some(libc::ELOOP) => "a symbolic link",
            Some(libc::EISDIR) => "a directory",
            Some(libc::ENXIO) => "a socket",
            _ => return io_error("open", &self.path, error),
        };
        Error::NotAPoolFile { path: self.path.clone(), found }
    }
}

/// Writes all of `bytes` or leaves the file as long as it was.
fn write_whole<S: Sys>(sys: &S, fd: BorrowedFd<'_>, path: &Path, bytes: &[u8], start: u64) -> Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let failure = match sys.write(fd, &bytes[written..]) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(count) => {
                written += count;
                if written == bytes.len() || ends_at(sys, fd, start + written as u64) {
                    continue;
                }
                return Err(Error::CutShort { path: path.into(), written });
            }
            Err(error) => error,
        };
        if written > 0 {
            // Whoever ignores the locks may have appended behind us; cutting would take theirs.
            let undone = ends_at(sys, fd, start + written as u64) && sys.truncate(fd, start).is_ok();
            if !undone {
                return Err(Error::CutShort { path: path.into(), written });
            }
        }
        return Err(io_error("write", path, failure));
    }
    Ok(())
}

fn ends_at<S: Sys>(sys: &S, fd: BorrowedFd<'_>, size: u64) -> bool {
    sys.stat(fd).is_ok_and(|stat| stat.size == size)
}

fn stat<S: Sys>(sys: &S, fd: BorrowedFd<'_>, path: &Path) -> Result<Stat> {
    sys.stat(fd).map_err(|error| io_error("fstat", path, error))
}

fn truncate<S: Sys>(sys: &S, fd: BorrowedFd<'_>, path: &Path, size: u64) -> Result<()> {
    sys.truncate(fd, size).map_err(|error| io_error("ftruncate", path, error))
}

fn io_error(syscall: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { syscall, path: path.into(), source }
}
