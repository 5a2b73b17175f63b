//! A pool as a store of records: reading and changing it, each under both locks and never waiting for them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use crate::appender::{Appender, ends_at, io_error, lock, open, stat, truncate, write_whole};
use crate::attempt::{Attempt, Tail};
use crate::edit::{self, Defect, Edit, SetError};
use crate::error::{Error, Purpose, Result};
use crate::limits::RECORD_SIZE;
use crate::memory::{self, to_usize};
use crate::sys::{Access, Lock, RealSys, Stat, Sys};

/// A file of more bytes is no pool that any host could walk.
pub const READ_MAX: u64 = 256 << 20;

/// A buffer of more bytes is not kept for the next change.
const KEPT_MAX: usize = 4 << 20;

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Contents {
    /// The bytes of the file.
    Bytes(Vec<u8>),
    /// There is no such file.
    Missing,
    /// A lenient read found something that is no regular file: it has neither locks nor a length.
    Irregular,
}

/// The records of a pool. A torn tail counts for nothing and goes with the first change.
#[derive(Debug)]
pub struct Store<S: Sys = RealSys> {
    pool: Appender<S>,
    tail: Tail,
    buffer: Vec<u8>,
}

impl<S: Sys> Store<S> {
    /// A store at `path`, not yet opened.
    pub fn new(sys: S, path: impl Into<PathBuf>) -> Self {
        Self { pool: Appender::new(sys, path, None), tail: Tail::default(), buffer: Vec::new() }
    }

    /// Where the pool is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.pool.path
    }

    /// Adds whole records at the end, all or none.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append(&mut self, records: &[u8]) -> Result<Attempt> {
        self.pool.append(|_| records)
    }

    /// Lets go of the file.
    pub fn close(&mut self) {
        self.pool.close();
        self.buffer = Vec::new();
    }

    /// The file's bytes, read under a read lock. A `lenient` reader follows links, and reads without a lock
    /// where there are none.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoLock`], [`Error::NotAPoolFile`], [`Error::Io`].
    pub fn read(&self, lenient: bool) -> Result<Attempt<Contents>> {
        let Appender { sys, path, .. } = &self.pool;
        let (fd, _) = match open(sys, path, if lenient { Access::Follow } else { Access::Read }) {
            Ok(opened) => opened,
            Err(Error::NotAPoolFile { .. }) if lenient => return Ok(Attempt::Done(Contents::Irregular)),
            Err(error) if error.is_not_found() => return Ok(Attempt::Done(Contents::Missing)),
            Err(error) => return Err(error),
        };
        let _guard = match lock(sys, path, fd.as_fd(), Lock::Shared) {
            Ok(None) => return Ok(Attempt::Busy),
            Err(error) if !lenient => return Err(error),
            taken => taken.ok(),
        };
        let mut bytes = Vec::new();
        read_whole(sys, path, fd.as_fd(), &mut bytes)?;
        Ok(Attempt::Done(Contents::Bytes(bytes)))
    }

    /// Puts a record in the place of the first one with its key and removes the others, or adds it.
    ///
    /// # Errors
    /// [`Error::PoolFull`] when its key would be one more than `max_keys` different ones; else as
    /// [`Store::load`].
    pub fn set(&mut self, record: &[u8; RECORD_SIZE], max_keys: usize) -> Result<Attempt> {
        let path = self.pool.path.clone();
        let attempt = self.change(Missing::Make, |pool| match edit::set(pool, record, max_keys) {
            Ok(edit) => Ok((edit, ())),
            Err(SetError::PoolFull(keys)) => Err(Error::PoolFull { path, keys, limit: max_keys }),
            Err(SetError::NoMemory(refused)) => Err(Error::no_memory(Purpose::Contents, &path, refused)),
        })?;
        Ok(attempt.map(Option::unwrap_or_default))
    }

    /// Removes all records with one of `keys`; says how many.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn delete(&mut self, keys: &[&[u8]]) -> Result<Attempt<usize>> {
        let path = self.pool.path.clone();
        let attempt = self.change(Missing::Leave, |pool| {
            edit::remove(pool, keys).map_err(|refused| Error::no_memory(Purpose::Contents, &path, refused))
        })?;
        Ok(attempt.map(Option::unwrap_or_default))
    }

    /// Replaces all records.
    ///
    /// # Errors
    /// [`Error::CutShort`] when a failed write could not be undone; after any other error the file holds
    /// what it held.
    pub fn load(&mut self, records: &[u8]) -> Result<Attempt> {
        let attempt = self.change(Missing::Make, |_| Ok((edit::replace(records), ())))?;
        Ok(attempt.map(Option::unwrap_or_default))
    }

    /// Mends what would stop the host's walk; says what it found.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn repair(&mut self) -> Result<Attempt<Vec<Defect>>> {
        let path = self.pool.path.clone();
        let attempt = self.change(Missing::Leave, |pool| {
            edit::repair(pool).map_err(|refused| Error::no_memory(Purpose::Contents, &path, refused))
        })?;
        Ok(attempt.map(Option::unwrap_or_default))
    }

    /// Empties the file, or only if it was last changed before the second `stale_before` since 1970;
    /// says whether it did.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAPoolFile`], [`Error::NoLock`].
    pub fn clear(&mut self, stale_before: Option<i64>) -> Result<Attempt<bool>> {
        let emptied = self.with_file(Missing::Leave, |file, _, _| {
            let clears = stale_before.is_none_or(|boot| file.stat.mtime.0 < boot);
            if clears {
                truncate(file.sys, file.fd, file.path, 0)?;
            }
            Ok(Attempt::Done(clears))
        })?;
        Ok(emptied.map(Option::unwrap_or_default))
    }

    /// Does to the file what `edit` says of its bytes; `None` when there is no file and none is made.
    fn change<'a, T>(
        &mut self,
        missing: Missing,
        edit: impl FnOnce(&[u8]) -> Result<(Edit<'a>, T)>,
    ) -> Result<Attempt<Option<T>>> {
        let attempt = self.with_file(missing, |file, tail, buffer| {
            if !tail.is_settled(&file.stat) {
                return Ok(Attempt::Unsettled);
            }
            read_whole(file.sys, file.path, file.fd, buffer)?;
            if buffer.len() as u64 != file.stat.size {
                // Somebody without locks is appending.
                return Ok(Attempt::Busy);
            }
            let (edit, result) = edit(buffer)?;
            file.apply(buffer, &edit)?;
            Ok(Attempt::Done(result))
        });
        self.buffer.truncate(KEPT_MAX);
        self.buffer.shrink_to(KEPT_MAX);
        attempt
    }

    fn with_file<T>(
        &mut self,
        missing: Missing,
        act: impl FnOnce(&File<'_, S>, &mut Tail, &mut Vec<u8>) -> Result<Attempt<T>>,
    ) -> Result<Attempt<Option<T>>> {
        let Self { pool: Appender { sys, path, .. }, tail, buffer } = self;
        let fd = match open(sys, path, Access::Edit) {
            Ok((fd, _)) => fd,
            Err(error) if error.is_not_found() && missing == Missing::Leave => {
                return Ok(Attempt::Done(None));
            }
            Err(error) if error.is_not_found() => {
                // Locked before anything is written: others may be making it as well.
                open(sys, path, Access::Append)?;
                open(sys, path, Access::Edit)?.0
            }
            Err(error) => return Err(error),
        };
        let fd = fd.as_fd();
        let Some(_guard) = lock(sys, path, fd, Lock::Exclusive)? else { return Ok(Attempt::Busy) };
        let stat = stat(sys, fd, path)?;
        if !stat.linked {
            return Ok(Attempt::Busy);
        }
        Ok(act(&File { sys, path, fd, stat }, tail, buffer)?.map(Some))
    }
}

/// What a change does where there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Leave,
    Make,
}

/// A pool whose locks are held.
struct File<'a, S: Sys> {
    sys: &'a S,
    path: &'a Path,
    fd: BorrowedFd<'a>,
    stat: Stat,
}

impl<S: Sys> File<'_, S> {
    /// Makes of the file, which holds `old`, what `edit` says, or leaves it as it was.
    fn apply(&self, old: &[u8], edit: &Edit<'_>) -> Result<()> {
        let size = old.len() - old.len() % RECORD_SIZE;
        if size < old.len() {
            truncate(self.sys, self.fd, self.path, size as u64)?;
        }
        // What is longer comes first: only that can find the disk full.
        let (over, beyond) = edit.with.split_at(edit.with.len().min(size - edit.from));
        if !beyond.is_empty() {
            self.append(beyond, size as u64)?;
        }
        let changed = self
            .write_over(over, edit.from)
            .and_then(|()| if edit.len < size { self.cut(size as u64, edit.len as u64) } else { Ok(()) });
        changed.map_err(|error| {
            let end = (size + beyond.len()) as u64;
            let is_restored = self.write_over(&old[edit.from..size], edit.from).is_ok()
                && (beyond.is_empty()
                    || ends_at(self.sys, self.fd, end) && self.sys.truncate(self.fd, size as u64).is_ok());
            if is_restored { error } else { Error::CutShort { path: self.path.into(), written: over.len() } }
        })
    }

    /// Adds at the end by an append, which can't overwrite what somebody without locks adds meanwhile.
    fn append(&self, bytes: &[u8], size: u64) -> Result<()> {
        let (fd, stat) = open(self.sys, self.path, Access::Append)?;
        if stat.inode != self.stat.inode {
            let replaced = io::Error::from_raw_os_error(libc::ESTALE);
            return Err(io_error("open", self.path, replaced));
        }
        write_whole(self.sys, fd.as_fd(), self.path, bytes, size)
    }

    fn write_over(&self, mut bytes: &[u8], from: usize) -> Result<()> {
        let mut offset = from as u64;
        while !bytes.is_empty() {
            let written = match self.sys.write_at(self.fd, bytes, offset) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            let written = written.map_err(|error| io_error("write", self.path, error))?;
            offset += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Cuts the file, which had `size` bytes, to `len`; what somebody without locks appended comes along.
    fn cut(&self, mut size: u64, mut len: u64) -> Result<()> {
        loop {
            let now = stat(self.sys, self.fd, self.path)?.size;
            if now <= size {
                return truncate(self.sys, self.fd, self.path, len);
            }
            let mut late = Vec::new();
            memory::resize(&mut late, to_usize(now - size))
                .map_err(|refused| Error::no_memory(Purpose::Contents, self.path, refused))?;
            read_exact(self.sys, self.path, self.fd, &mut late, size)?;
            self.write_over(&late, to_usize(len))?;
            size = now;
            len += late.len() as u64;
        }
    }
}

/// Reads a file to its end into `bytes`, whose memory is used again.
fn read_whole<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    let size = stat(sys, fd, path)?.size;
    if size > READ_MAX {
        return Err(Error::TooLarge { path: path.into(), size, limit: READ_MAX });
    }
    memory::resize(bytes, to_usize(size))
        .map_err(|refused| Error::no_memory(Purpose::Contents, path, refused))?;
    let read = read_to(sys, path, fd, bytes, 0)?;
    bytes.truncate(read);
    Ok(())
}

fn read_exact<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> Result<()> {
    if read_to(sys, path, fd, bytes, offset)? == bytes.len() {
        return Ok(());
    }
    Err(io_error("read", path, io::ErrorKind::UnexpectedEof.into()))
}

/// Fills `bytes` from `offset` on as far as the file goes; says how far.
fn read_to<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match sys.read_at(fd, &mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) => return Err(io_error("read", path, error)),
        }
    }
    Ok(read)
}
