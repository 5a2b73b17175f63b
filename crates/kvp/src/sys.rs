//! The system calls of a pool behind a trait, so that tests can make each of them fail.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::retry_on_intr;

/// What `fstat` says of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Which file of its file system it is.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the contents: seconds, nanoseconds.
    pub mtime: (i64, u64),
    /// `None` for a regular file, else what it is.
    pub irregular: Option<&'static str>,
    /// Whether the file still has a name.
    pub linked: bool,
}

/// How a lock is taken; never does taking one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// One holder alone.
    Exclusive,
    /// Any number of holders, none of them exclusive.
    Shared,
    /// Give it back.
    Release,
}

/// What a pool is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Adding at the end; creates the file 0600 if it is absent.
    Append,
    /// Changing what is there.
    Edit,
    /// Reading.
    Read,
    /// Reading where a link leads.
    Follow,
}

/// The system calls that the core makes on a pool.
pub trait Sys: Send + 'static {
    /// Opens a file; never waits for a FIFO's other end.
    ///
    /// # Errors
    /// The operating system's.
    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd>;
    /// Size, time and kind.
    ///
    /// # Errors
    /// The operating system's.
    fn stat(&self, fd: BorrowedFd<'_>) -> io::Result<Stat>;
    /// Reads from `offset` on, possibly less than asked for.
    ///
    /// # Errors
    /// The operating system's.
    fn read_at(&self, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// One append, possibly short.
    ///
    /// # Errors
    /// The operating system's.
    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize>;
    /// One write over what is at `offset`, possibly short.
    ///
    /// # Errors
    /// The operating system's.
    fn write_at(&self, fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts the file.
    ///
    /// # Errors
    /// The operating system's.
    fn truncate(&self, fd: BorrowedFd<'_>, size: u64) -> io::Result<()>;
    /// The `flock` lock; `Ok(false)` when somebody else has it.
    ///
    /// # Errors
    /// The operating system's.
    fn flock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool>;
    /// The open-file-description `fcntl` lock on the whole file; `Ok(false)` when somebody else has it.
    ///
    /// # Errors
    /// The operating system's.
    fn ofd_lock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool>;
}

/// The operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealSys;

impl Sys for RealSys {
    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd> {
        // NOFOLLOW: a link planted in the folder must not lead root elsewhere. NONBLOCK: opening a
        // FIFO must not hang. RDWR: a write lock needs a writable descriptor, repair a readable one.
        let flags = match access {
            Access::Append => OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW,
            Access::Edit => OFlags::RDWR | OFlags::NOFOLLOW,
            Access::Read => OFlags::RDONLY | OFlags::NOFOLLOW,
            Access::Follow => OFlags::RDONLY,
        } | OFlags::CLOEXEC
            | OFlags::NONBLOCK
            | OFlags::NOCTTY;
        Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR))?)
    }

    fn stat(&self, fd: BorrowedFd<'_>) -> io::Result<Stat> {
        let stat = rustix::fs::fstat(fd)?;
        let irregular = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => None,
            FileType::Directory => Some("a directory"),
            FileType::Fifo => Some("a FIFO"),
            FileType::Socket => Some("a socket"),
            FileType::CharacterDevice => Some("a character device"),
            FileType::BlockDevice => Some("a block device"),
            _ => Some("no regular file"),
        };
        Ok(Stat {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).map_err(|_| io::ErrorKind::InvalidData)?,
            // Where the C library has signed nanoseconds, they are from 0 as well.
            mtime: (stat.st_mtime, stat.st_mtime_nsec as _),
            irregular,
            linked: stat.st_nlink > 0,
        })
    }

    fn read_at(&self, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(fd, &mut *bytes, offset))?)
    }

    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::write(fd, bytes))?)
    }

    fn write_at(&self, fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pwrite(fd, bytes, offset))?)
    }

    fn truncate(&self, fd: BorrowedFd<'_>, size: u64) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::ftruncate(fd, size))?)
    }

    fn flock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool> {
        let operation = match lock {
            Lock::Exclusive => FlockOperation::NonBlockingLockExclusive,
            Lock::Shared => FlockOperation::NonBlockingLockShared,
            Lock::Release => FlockOperation::Unlock,
        };
        free_or_busy(retry_on_intr(|| rustix::fs::flock(fd, operation)).map_err(Into::into))
    }

    fn ofd_lock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool> {
        let kind = match lock {
            Lock::Exclusive => libc::F_WRLCK,
            Lock::Shared => libc::F_RDLCK,
            Lock::Release => libc::F_UNLCK,
        };
        let whole_file = libc::flock {
            // 0 would be a read lock: what does not fit is no lock at all.
            l_type: kind.try_into().map_err(|_| io::ErrorKind::InvalidInput)?,
            l_whence: 0,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        // SAFETY: `fd` is open for the whole call and F_OFD_SETLK only reads a `struct flock`,
        // to which the pointer leads.
        let status = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_OFD_SETLK, &raw const whole_file) };
        free_or_busy(if status == -1 { Err(io::Error::last_os_error()) } else { Ok(()) })
    }
}

fn free_or_busy(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}
