//! A pool as a store of records. It is read and changed under both locks, without waiting for them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use crate::appender::{Appender, ends_at, io_error, is_at, is_pool, lock, open, stat, truncate, write_whole};
use crate::attempt::{Attempt, Tail};
use crate::edit::{self, Defect, Edit, SetError};
use crate::error::{Error, Purpose, Result};
use crate::fields::Fields;
use crate::limits::{READ_MAX, RECORD_SIZE};
use crate::memory::{self, to_usize};
use crate::sys::{Access, Lock, RealSys, Stat, Sys};

/// A larger buffer is not kept for the next change.
const KEPT_MAX: usize = 4 << 20;

/// Bytes that are read at a time where only the fields are kept: whole records that fit into a processor's cache.
const PIECE: usize = 100 * RECORD_SIZE;

/// What a read finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Contents {
    /// The bytes of the file.
    Bytes(Vec<u8>),
    /// What is in the fields of its records; only [`Store::read_fields`] returns it.
    Fields(Fields),
    /// There is no such file.
    Missing,
    /// Something that is no regular file, which has neither locks nor a size; only a lenient read returns it.
    Irregular,
}

/// The records of a pool. A torn tail is ignored, and removed by the first change.
#[derive(Debug)]
pub struct Store<S: Sys = RealSys> {
    pool: Appender<S>,
    tail: Tail,
    buffer: Vec<u8>,
}

impl<S: Sys> Store<S> {
    /// A store at `path`; opens nothing yet.
    pub fn new(sys: S, path: impl Into<PathBuf>) -> Self {
        Self { pool: Appender::new(sys, path, None), tail: Tail::default(), buffer: Vec::new() }
    }

    /// Where the pool is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.pool.path
    }

    /// Appends whole records, all or none.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn append(&mut self, records: &[u8]) -> Result<Attempt> {
        self.pool.append(|_| records)
    }

    /// Closes the file and releases the memory.
    pub fn close(&mut self) {
        self.pool.close();
        self.buffer = Vec::new();
    }

    /// Reads the file's bytes under shared locks. A `lenient` read follows links, and reads without locks where
    /// the file system has none.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoLock`], [`Error::NotAPoolFile`], [`Error::Io`].
    pub fn read(&self, lenient: bool) -> Result<Attempt<Contents>> {
        self.reading(lenient, |sys, path, fd| read_bytes(sys, path, fd))
    }

    /// The same without what follows the first NUL of a field: nine tenths of most pools. Of a file that may be no
    /// pool it reads the bytes.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_fields(&self, lenient: bool) -> Result<Attempt<Contents>> {
        let mut found = self.reading(lenient, |sys, path, fd| {
            let size = checked_size(sys, path, fd)?;
            // A partial record alone, which a text may be as well, says nothing.
            let records = size - size % RECORD_SIZE as u64;
            if records == 0 || !matches!(is_pool(sys, path, fd, 0, records), Ok(true)) {
                return read_bytes(sys, path, fd);
            }
            read_pieces(sys, path, fd, size).map(Contents::Fields)
        })?;
        if let Attempt::Done(Contents::Fields(fields)) = &mut found {
            fields.compare().map_err(|refused| Error::no_memory(Purpose::Contents, self.path(), refused))?;
        }
        Ok(found)
    }

    fn reading(
        &self,
        lenient: bool,
        read: impl FnOnce(&S, &Path, BorrowedFd<'_>) -> Result<Contents>,
    ) -> Result<Attempt<Contents>> {
        let Appender { sys, path, .. } = &self.pool;
        let (fd, _) = match open(sys, path, if lenient { Access::Follow } else { Access::Read }) {
            Ok(opened) => opened,
            Err(Error::NotAPoolFile { .. }) if lenient => return Ok(Attempt::Done(Contents::Irregular)),
            Err(error) if error.is_not_found() => return Ok(Attempt::Done(Contents::Missing)),
            Err(error) => return Err(error),
        };
        let _guard = match lock(sys, path, fd.as_fd(), Lock::Shared) {
            Ok(Some(guard)) => Some(guard),
            Ok(None) => return Ok(Attempt::Busy),
            Err(Error::NoLock { .. }) if lenient => None,
            Err(error) => return Err(error),
        };
        read(sys, path, fd.as_fd()).map(Attempt::Done)
    }

    /// Puts a record in the place of the first one with its key and removes the others with that key; adds it
    /// where there is none.
    ///
    /// # Errors
    /// [`Error::PoolFull`] when its key would be one more than `max_keys` different ones; else as
    /// [`Store::load`].
    pub fn set(&mut self, record: &[u8; RECORD_SIZE], max_keys: usize) -> Result<Attempt> {
        let path = self.pool.path.clone();
        self.change(Missing::Create, |pool| match edit::set(pool, record, max_keys) {
            Ok(edit) => Ok((edit, ())),
            Err(SetError::PoolFull(keys)) => Err(Error::PoolFull { path, keys, limit: max_keys }),
            Err(SetError::NoMemory(refused)) => Err(Error::no_memory(Purpose::Contents, &path, refused)),
        })
    }

    /// Removes all records with one of `keys`; returns how many.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn delete(&mut self, keys: &[&[u8]]) -> Result<Attempt<usize>> {
        let path = self.pool.path.clone();
        self.change(Missing::Result(0), |pool| {
            edit::remove(pool, keys).map_err(|refused| Error::no_memory(Purpose::Contents, &path, refused))
        })
    }

    /// Replaces all records.
    ///
    /// # Errors
    /// [`Error::CutShort`] when a failed write could not be undone; after any other error the file is as it
    /// was.
    pub fn load(&mut self, records: &[u8]) -> Result<Attempt> {
        self.change(Missing::Create, |_| Ok((edit::replace(records), ())))
    }

    /// Repairs what would stop the host from reading the pool; returns what it found.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn repair(&mut self) -> Result<Attempt<Vec<Defect>>> {
        let path = self.pool.path.clone();
        self.change(Missing::Result(Vec::new()), |pool| {
            edit::repair(pool).map_err(|refused| Error::no_memory(Purpose::Contents, &path, refused))
        })
    }

    /// Empties the file; with `stale_before` (seconds since 1970) only a file that was last changed before
    /// then. Returns whether it did.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAPoolFile`], [`Error::ForeignFile`], [`Error::NoLock`].
    pub fn clear(&mut self, stale_before: Option<i64>) -> Result<Attempt<bool>> {
        self.with_file(Missing::Result(false), |file, _, _| {
            let clears = stale_before.is_none_or(|boot| file.stat.mtime.0 < boot);
            if clears {
                if !is_pool(file.sys, file.path, file.fd, 0, file.stat.size)? {
                    return Ok(Attempt::Busy);
                }
                truncate(file.sys, file.fd, file.path, 0)?;
            }
            Ok(Attempt::Done(clears))
        })
    }

    /// Reads the file and makes the change that `edit` returns for its bytes.
    fn change<'a, T>(
        &mut self,
        missing: Missing<T>,
        edit: impl FnOnce(&[u8]) -> Result<(Edit<'a>, T)>,
    ) -> Result<Attempt<T>> {
        let attempt = self.with_file(missing, |file, tail, buffer| {
            if !tail.is_settled(&file.stat) {
                return Ok(Attempt::Unsettled);
            }
            read_whole(file.sys, file.path, file.fd, buffer)?;
            if buffer.len() as u64 != file.stat.size {
                // A process without locks is appending.
                return Ok(Attempt::Busy);
            }
            if !is_pool(file.sys, file.path, file.fd, 0, file.stat.size)? {
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
        missing: Missing<T>,
        act: impl FnOnce(&File<'_, S>, &mut Tail, &mut Vec<u8>) -> Result<Attempt<T>>,
    ) -> Result<Attempt<T>> {
        let Self { pool: Appender { sys, path, .. }, tail, buffer } = self;
        let fd = match (open(sys, path, Access::Edit), missing) {
            (Ok((fd, _)), _) => fd,
            (Err(error), Missing::Result(result)) if error.is_not_found() => {
                return Ok(Attempt::Done(result));
            }
            (Err(error), Missing::Create) if error.is_not_found() => {
                // Nothing is written before the file is locked: another process may create it as well.
                open(sys, path, Access::Append)?;
                open(sys, path, Access::Edit)?.0
            }
            (Err(error), _) => return Err(error),
        };
        let fd = fd.as_fd();
        let Some(_guard) = lock(sys, path, fd, Lock::Exclusive)? else { return Ok(Attempt::Busy) };
        let stat = stat(sys, fd, path)?;
        if !is_at(sys, path, &stat) {
            return Ok(Attempt::Busy);
        }
        act(&File { sys, path, fd, stat }, tail, buffer)
    }
}

/// What an operation does where there is no file.
enum Missing<T> {
    /// It has this result.
    Result(T),
    /// It creates the file.
    Create,
}

/// A pool, under both locks.
struct File<'a, S: Sys> {
    sys: &'a S,
    path: &'a Path,
    fd: BorrowedFd<'a>,
    stat: Stat,
}

impl<S: Sys> File<'_, S> {
    /// Makes a change of the file, which holds `old`, or leaves the file as it was.
    fn apply(&self, old: &[u8], edit: &Edit<'_>) -> Result<()> {
        let size = old.len() - old.len() % RECORD_SIZE;
        if size < old.len() {
            truncate(self.sys, self.fd, self.path, size as u64)?;
        }
        // The bytes that make the file longer come first: only writing these can find the disk full.
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

    /// Adds bytes at the end with `O_APPEND`, which can't overwrite what a process without locks adds
    /// meanwhile.
    fn append(&self, bytes: &[u8], size: u64) -> Result<()> {
        let (fd, stat) = open(self.sys, self.path, Access::Append)?;
        if stat.identity != self.stat.identity {
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

    /// Cuts the file, which had `size` bytes, to `len`. Records that a process without locks appended
    /// meanwhile are moved in front of the cut.
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

/// The size of a file that is not too large to be read.
fn checked_size<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>) -> Result<u64> {
    let size = stat(sys, fd, path)?.size;
    if size > READ_MAX {
        return Err(Error::TooLarge { path: path.into(), size, limit: READ_MAX });
    }
    Ok(size)
}

fn read_bytes<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>) -> Result<Contents> {
    let mut bytes = Vec::new();
    read_whole(sys, path, fd, &mut bytes)?;
    Ok(Contents::Bytes(bytes))
}

/// Reads the fields of the first `size` bytes, a piece at a time: memory for the whole file takes longer to get than
/// reading it does.
fn read_pieces<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>, size: u64) -> Result<Fields> {
    let refused = |refused| Error::no_memory(Purpose::Contents, path, refused);
    let mut fields = Fields::for_size(size).map_err(refused)?;
    let mut piece = Vec::new();
    memory::resize(&mut piece, to_usize(size).min(PIECE)).map_err(refused)?;
    while fields.size() < size {
        let wanted = piece.len().min(to_usize(size - fields.size()));
        let read = read_to(sys, path, fd, &mut piece[..wanted], fields.size())?;
        fields.add(&piece[..read]).map_err(refused)?;
        if read < wanted {
            break;
        }
    }
    Ok(fields)
}

/// Reads a file to its end into `bytes`, whose memory is reused.
fn read_whole<S: Sys>(sys: &S, path: &Path, fd: BorrowedFd<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    let size = checked_size(sys, path, fd)?;
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

/// Fills `bytes` from `offset` on until the file ends; returns how many bytes.
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
