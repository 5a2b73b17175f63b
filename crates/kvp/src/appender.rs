//! Appends to the pool file at a path under both locks, after cutting a torn tail.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::attempt::{Attempt, Tail};
use crate::error::{Error, Result, leads_nowhere};
use crate::limits::{KEY_SIZE, RECORD_SIZE};
use crate::lock::Guard;
use crate::shape::{Shape, places};
use crate::sys::{Access, Lock, RealSys, Stat, Sys};

const SIZE: u64 = RECORD_SIZE as u64;
/// How many of the last records are searched for one that is not where it was.
const SEARCHED_MAX: u64 = 2048;

/// A pool opened for appending.
#[derive(Debug)]
pub struct Appender<S: Sys = RealSys> {
    pub(crate) sys: S,
    pub(crate) path: PathBuf,
    fd: Option<OwnedFd>,
    stale_before: Option<i64>,
    /// Nothing was appended yet to the file at the path.
    is_new: bool,
    tail: Tail,
    appended: Appended,
    /// The file's size when it was last seen to be a pool.
    known: u64,
}

/// What was appended, and what of it is gone.
#[derive(Debug, Default)]
struct Appended {
    /// Where it ends: the file's size after the last append, or what there is of that now.
    end: u64,
    /// The last append, until it is known to be gone.
    last: Option<Last>,
    /// Records found missing and not yet taken by [`Appender::take_missing`].
    missing: u64,
}

/// An append, known by the key of its last record, which no other record has.
#[derive(Debug)]
struct Last {
    /// Where that record is.
    at: u64,
    /// How many records were appended.
    records: u64,
    key: [u8; KEY_SIZE],
}

impl Appended {
    /// Counts the records by which the file, which has `size` bytes now, became shorter.
    fn found_at(&mut self, size: u64) {
        let gone = self.end.saturating_sub(size) / SIZE;
        if gone > 0 {
            self.last = None;
        }
        self.missing += gone;
        self.end = self.end.min(size);
    }

    /// Whether nothing seems to be gone from the file, which has `size` bytes now.
    fn is_whole<S: Sys>(&self, sys: &S, fd: BorrowedFd<'_>, size: u64) -> bool {
        size >= self.end && self.last.as_ref().is_none_or(|last| last.is_at(sys, fd, last.at))
    }

    /// Counts the same, and the last append if others rewrote the file without it and made it as long again.
    fn found_in<S: Sys>(&mut self, sys: &S, fd: BorrowedFd<'_>, size: u64) {
        self.found_at(size);
        let Some(last) = &mut self.last else { return };
        if let Some(at) = last.place(sys, fd, size) {
            last.at = at;
        } else {
            self.missing += last.records;
            self.last = None;
        }
    }

    fn added(&mut self, start: u64, bytes: &[u8]) {
        self.end = start + bytes.len() as u64;
        let Some((_, record)) = bytes.split_last_chunk::<RECORD_SIZE>() else { return };
        let Some(key) = record.first_chunk() else { return };
        self.last = Some(Last { at: self.end - SIZE, records: bytes.len() as u64 / SIZE, key: *key });
    }
}

impl Last {
    /// Where its last record is in a file of `size` bytes; it is elsewhere if others took away records before it.
    fn place<S: Sys>(&self, sys: &S, fd: BorrowedFd<'_>, size: u64) -> Option<u64> {
        let records = size / SIZE;
        let searched = (records.saturating_sub(SEARCHED_MAX)..records).rev().map(|index| index * SIZE);
        std::iter::once(self.at).chain(searched).find(|at| self.is_at(sys, fd, *at))
    }

    /// Whether its last record is at this place, which it is if that can't be read.
    fn is_at<S: Sys>(&self, sys: &S, fd: BorrowedFd<'_>, at: u64) -> bool {
        let mut key = [0; KEY_SIZE];
        sys.read_at(fd, &mut key, at).map_or(true, |count| count == KEY_SIZE && key == self.key)
    }
}

impl<S: Sys> Appender<S> {
    /// A pool at `path`, not yet opened. With `stale_before` (seconds since 1970) the first append
    /// empties a file that was last changed before then.
    pub fn new(sys: S, path: impl Into<PathBuf>, stale_before: Option<i64>) -> Self {
        let (path, tail, appended) = (path.into(), Tail::default(), Appended::default());
        Self { sys, path, fd: None, stale_before, is_new: true, tail, appended, known: 0 }
    }

    /// Opens the file, creates it if its folder exists. An append does this by itself.
    ///
    /// # Errors
    /// [`Error::NotAPoolFile`] or [`Error::ForeignFile`], or [`Error::Io`] where it can't be opened.
    pub fn open(&mut self) -> Result<()> {
        let (fd, stat) = open(&self.sys, &self.path, Access::Append)?;
        self.known = 0;
        if is_pool(&self.sys, &self.path, fd.as_fd(), 0, stat.size)? {
            self.known = stat.size;
        }
        self.fd = Some(fd);
        Ok(())
    }

    /// Closes the file; the next append opens it again.
    pub fn close(&mut self) {
        self.fd = None;
    }

    /// Looks where the records are that were appended, and counts those that are missing.
    pub fn look(&mut self) {
        let Some(fd) = &self.fd else { return };
        // What can't be looked at now, the next append meets.
        let Ok(now) = self.sys.stat(fd.as_fd()) else { return };
        if !is_at(&self.sys, &self.path, &now) {
            self.leave();
        } else if !self.appended.is_whole(&self.sys, fd.as_fd(), now.size) {
            // While nobody is in the middle of rewriting it.
            let Ok(Some(_guard)) = lock(&self.sys, &self.path, fd.as_fd(), Lock::Exclusive) else { return };
            let Ok(now) = self.sys.stat(fd.as_fd()) else { return };
            self.appended.found_in(&self.sys, fd.as_fd(), now.size);
        }
    }

    /// Closes the file because the path leads to another one now, or to none.
    fn leave(&mut self) {
        let Some(old) = self.fd.take() else { return };
        self.is_new = true;
        let kept = match open(&self.sys, &self.path, Access::Read) {
            Ok((there, _)) => self.shared_by(&old, &there),
            Err(error) => error.is_nowhere().then_some(0),
        };
        if let Some(kept) = kept {
            self.appended.found_at(kept);
        }
    }

    /// How many bytes of what was appended both files start with: all of it if a program changed a copy and renamed
    /// it, less if the copy was made before the last records. What can't be read tells nothing.
    fn shared_by(&self, old: &OwnedFd, new: &OwnedFd) -> Option<u64> {
        let read = |fd: &OwnedFd, at: u64| {
            let mut record = [0; RECORD_SIZE];
            let count = self.sys.read_at(fd.as_fd(), &mut record, at * SIZE).ok()?;
            Some((count == RECORD_SIZE).then_some(record))
        };
        let is_same = |at: u64| {
            let (old, new) = (read(old, at)?, read(new, at)?);
            Some(old.is_some() && old == new)
        };
        let (mut from, mut to) = (0, self.appended.end / SIZE);
        // Most often it is all or nothing.
        let mut middle = to.saturating_sub(1);
        while from < to {
            if is_same(middle)? {
                from = middle + 1;
            } else {
                to = middle;
            }
            middle = u64::midpoint(from, to);
        }
        Some(from * SIZE)
    }

    /// Returns how many records have gone missing since the last call: the file was found shorter than the
    /// append before had left it, or another one is in its place. It was deleted, cleared, renamed or mounted
    /// over, or `hv_kvp_daemon` rewrote it without the records that were added between its read and its write.
    pub fn take_missing(&mut self) -> u64 {
        std::mem::take(&mut self.appended.missing)
    }

    /// Calls `choose` with the number of records in the file and appends the bytes that it returns, in one
    /// write under both locks. Never waits.
    ///
    /// # Errors
    /// [`Error::CutShort`] when a part of the bytes stays in the file and can't be removed; after any other
    /// error the file is as it was.
    pub fn append<'b>(&mut self, choose: impl FnOnce(u64) -> &'b [u8]) -> Result<Attempt> {
        let mut choose = Some(choose);
        for _ in 0..2 {
            if self.fd.is_none() {
                self.open()?;
            }
            if let Some(attempt) = self.append_in_place(&mut choose)? {
                return Ok(attempt);
            }
            self.leave();
        }
        Ok(Attempt::Busy)
    }

    /// Appends to the open file; `None` where the path leads to another one.
    fn append_in_place<'b>(
        &mut self,
        choose: &mut Option<impl FnOnce(u64) -> &'b [u8]>,
    ) -> Result<Option<Attempt>> {
        let Some(fd) = &self.fd else { return Ok(None) };
        let fd = fd.as_fd();
        let (sys, path) = (&self.sys, self.path.as_path());
        let Some(guard) = lock(sys, path, fd, Lock::Exclusive)? else { return Ok(Some(Attempt::Busy)) };
        let mut now = stat(sys, fd, path)?;
        if !is_at(sys, path, &now) {
            return Ok(None);
        }
        if now.size != self.known {
            let from = if now.size > self.known { self.known - self.known % SIZE } else { 0 };
            if !is_pool(sys, path, fd, from, now.size)? {
                return Ok(Some(Attempt::Busy));
            }
            self.known = now.size;
        }
        if self.is_new && self.stale_before.is_some_and(|boot| now.mtime.0 < boot) {
            truncate(sys, fd, path, 0)?;
            now.size = 0;
        }
        self.is_new = false;
        if !self.tail.is_settled(&now) {
            return Ok(Some(Attempt::Unsettled));
        }
        let torn = now.size % SIZE;
        if torn > 0 {
            now.size -= torn;
            truncate(sys, fd, path, now.size)?;
        }
        self.appended.found_in(sys, fd, now.size);
        let bytes = choose.take().map_or(&[][..], |choose| choose(now.size / SIZE));
        write_whole(sys, fd, path, bytes, now.size)?;
        drop(guard);
        self.appended.added(now.size, bytes);
        self.known = self.appended.end;
        Ok(Some(Attempt::Done(())))
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

/// Whether a path leads to this open file. Where the system does not say, it still does.
pub(crate) fn is_at<S: Sys>(sys: &S, path: &Path, open: &Stat) -> bool {
    match sys.stat_path(path) {
        Ok(there) => there.identity == open.identity,
        Err(error) => !leads_nowhere(&error),
    }
}

/// Checks that the bytes from `from` to `size` look like those of a pool; `false` where a process without
/// locks cut them meanwhile. Before `from` there are records.
pub(crate) fn is_pool<S: Sys>(
    sys: &S,
    path: &Path,
    fd: BorrowedFd<'_>,
    from: u64,
    size: u64,
) -> Result<bool> {
    let mut record = [0; RECORD_SIZE];
    let mut shape = Shape::new(from > 0);
    for (at, len) in places(from, size) {
        let piece = &mut record[..len];
        let read = sys.read_at(fd, piece, at).map_err(|error| io_error("read", path, error))?;
        if read < len {
            return Ok(false);
        }
        if !shape.admits(piece) {
            return Err(Error::ForeignFile { path: path.into(), at });
        }
    }
    if size > 0 && !shape.is_known() {
        return Err(Error::ForeignFile { path: path.into(), at: 0 });
    }
    Ok(true)
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
