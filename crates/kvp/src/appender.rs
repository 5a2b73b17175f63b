//! Appends to a pool file under both locks, after cutting a torn tail.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::attempt::{Attempt, Tail};
use crate::error::{Error, Result};
use crate::limits::RECORD_SIZE;
use crate::lock::Guard;
use crate::sys::{Access, Lock, RealSys, Stat, Sys};

/// A pool opened for appending.
#[derive(Debug)]
pub struct Appender<S: Sys = RealSys> {
    pub(crate) sys: S,
    pub(crate) path: PathBuf,
    fd: Option<OwnedFd>,
    stale_before: Option<i64>,
    tail: Tail,
    /// The file's size after the last append of this appender.
    left: Option<u64>,
    /// Records found missing and not yet taken by [`Appender::take_missing`].
    missing: u64,
}

impl<S: Sys> Appender<S> {
    /// A pool at `path`, not yet opened. With `stale_before` (seconds since 1970) the first append
    /// empties a file that was last changed before then.
    pub fn new(sys: S, path: impl Into<PathBuf>, stale_before: Option<i64>) -> Self {
        let (path, tail) = (path.into(), Tail::default());
        Self { sys, path, fd: None, stale_before, tail, left: None, missing: 0 }
    }

    /// Opens the file, creates it if its folder exists. An append does this by itself.
    ///
    /// # Errors
    /// [`Error::NotAPoolFile`], or [`Error::Io`] where it can't be opened.
    pub fn open(&mut self) -> Result<()> {
        let fd = self.opened()?;
        self.fd = Some(fd);
        Ok(())
    }

    /// The open file, which the caller puts back.
    fn opened(&mut self) -> Result<OwnedFd> {
        match self.fd.take() {
            Some(fd) => Ok(fd),
            None => Ok(open(&self.sys, &self.path, Access::Append)?.0),
        }
    }

    /// Closes the file; the next append opens it again.
    pub fn close(&mut self) {
        self.fd = None;
    }

    /// Returns how many records have gone missing since the last call: an append found the file shorter than
    /// the append before had left it. The file was deleted or cleared, or `hv_kvp_daemon` rewrote it without
    /// the records that were added between its read and its write.
    pub fn take_missing(&mut self) -> u64 {
        std::mem::take(&mut self.missing)
    }

    /// Calls `choose` with the number of records in the file and appends the bytes that it returns, in one
    /// write under both locks. Never waits.
    ///
    /// # Errors
    /// [`Error::CutShort`] when a part of the bytes stays in the file and can't be removed; after any other
    /// error the file is as it was.
    pub fn append<'b>(&mut self, choose: impl FnOnce(u64) -> &'b [u8]) -> Result<Attempt> {
        let opened = self.opened()?;
        let opened: &OwnedFd = self.fd.insert(opened);
        let fd = opened.as_fd();
        let (sys, path) = (&self.sys, self.path.as_path());
        let Some(guard) = lock(sys, path, fd, Lock::Exclusive)? else { return Ok(Attempt::Busy) };
        let mut now = stat(sys, fd, path)?;
        if !now.linked {
            drop(guard);
            self.fd = None;
            return Ok(Attempt::Busy);
        }
        if self.stale_before.is_some_and(|boot| now.mtime.0 < boot) {
            truncate(sys, fd, path, 0)?;
            now.size = 0;
        }
        self.stale_before = None;
        if !self.tail.is_settled(&now) {
            return Ok(Attempt::Unsettled);
        }
        let torn = now.size % RECORD_SIZE as u64;
        if torn > 0 {
            now.size -= torn;
            truncate(sys, fd, path, now.size)?;
        }
        let left = self.left.take().unwrap_or(0);
        self.missing += left.saturating_sub(now.size) / RECORD_SIZE as u64;
        let bytes = choose(now.size / RECORD_SIZE as u64);
        write_whole(sys, fd, path, bytes, now.size)?;
        drop(guard);
        self.left = Some(now.size + bytes.len() as u64);
        Ok(Attempt::Done(()))
    }
}

/// Opens a pool and checks that it is a regular file.
pub(crate) fn open<S: Sys>(sys: &S, path: &Path, access: Access) -> Result<(OwnedFd, Stat)> {
    let fd = sys.open(path, access).map_err(|error| open_error(path, error))?;
    let stat = stat(sys, fd.as_fd(), path)?;
    match stat.irregular {
        Some(found) => Err(Error::NotAPoolFile { path: path.into(), found }),
        None => Ok((fd, stat)),
    }
}

/// Takes both locks without waiting; `None` when somebody holds one of them.
pub(crate) fn lock<'a, S: Sys>(
    sys: &'a S,
    path: &Path,
    fd: BorrowedFd<'a>,
    lock: Lock,
) -> Result<Option<Guard<'a, S>>> {
    Guard::try_take(sys, fd, lock).map_err(|source| match source.raw_os_error() {
        Some(libc::ENOLCK | libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL) => {
            Error::NoLock { path: path.into(), source }
        }
        _ => io_error("flock", path, source),
    })
}

fn open_error(path: &Path, error: io::Error) -> Error {
    let found = match error.raw_os_error() {
        Some(libc::ELOOP) => "a symbolic link",
        Some(libc::EISDIR) => "a directory",
        Some(libc::ENXIO) => "a socket",
        _ => return io_error("open", path, error),
    };
    Error::NotAPoolFile { path: path.into(), found }
}

/// Writes all of `bytes` or leaves the file as long as it was.
pub(crate) fn write_whole<S: Sys>(
    sys: &S,
    fd: BorrowedFd<'_>,
    path: &Path,
    bytes: &[u8],
    start: u64,
) -> Result<()> {
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
            // A program that ignores the locks may have appended behind this write; a cut would remove its
            // records.
            let undone = ends_at(sys, fd, start + written as u64) && sys.truncate(fd, start).is_ok();
            if !undone {
                return Err(Error::CutShort { path: path.into(), written });
            }
        }
        return Err(io_error("write", path, failure));
    }
    Ok(())
}

/// Whether the file has this size; `false` where the system does not say.
pub(crate) fn ends_at<S: Sys>(sys: &S, fd: BorrowedFd<'_>, size: u64) -> bool {
    sys.stat(fd).is_ok_and(|stat| stat.size == size)
}

pub(crate) fn stat<S: Sys>(sys: &S, fd: BorrowedFd<'_>, path: &Path) -> Result<Stat> {
    sys.stat(fd).map_err(|error| io_error("fstat", path, error))
}

pub(crate) fn truncate<S: Sys>(sys: &S, fd: BorrowedFd<'_>, path: &Path, size: u64) -> Result<()> {
    sys.truncate(fd, size).map_err(|error| io_error("ftruncate", path, error))
}

pub(crate) fn io_error(syscall: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { syscall, path: path.into(), source }
}
