//! The system calls of a pool behind a trait, so that tests can make each of them fail.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::retry_on_intr;

/// What `fstat` says of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The file system and the number of the file in it.
    pub identity: (u64, u64),
    /// Its size in bytes.
    pub size: u64,
    /// When the contents were last changed: seconds and nanoseconds since 1970.
    pub mtime: (i64, u64),
    /// `None` for a regular file, else what it is, with its article.
    pub irregular: Option<&'static str>,
}

/// What to do with a lock. Taking one never blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Take it as the only holder.
    Exclusive,
    /// Take it beside other shared holders.
    Shared,
    /// Release it.
    Release,
}

/// What a pool is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Adding at the end; creates the file with mode 0600 if there is none.
    Append,
    /// Changing what is there.
    Edit,
    /// Reading.
    Read,
    /// Reading the file that a link leads to.
    Follow,
}

/// The system calls that the core makes on a pool.
pub trait Sys: Send + 'static {
    /// Opens a file; never waits for the other end of a FIFO.
    ///
    /// # Errors
    /// Those of the operating system.
    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd>;
    /// The size, time and kind of a file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn stat(&self, fd: BorrowedFd<'_>) -> io::Result<Stat>;
    /// The same of what is at a path now; a link is not followed.
    ///
    /// # Errors
    /// Those of the operating system.
    fn stat_path(&self, path: &Path) -> io::Result<Stat>;
    /// Reads from `offset` on, possibly less than `bytes` has room for.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read_at(&self, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Appends once; may write only a part. Returns how many bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize>;
    /// Writes once at `offset`; may write only a part. Returns how many bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn write_at(&self, fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts the file to `size` bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn truncate(&self, fd: BorrowedFd<'_>, size: u64) -> io::Result<()>;
    /// Takes or releases the `flock` lock; `Ok(false)` when another process has it.
    ///
    /// # Errors
    /// Those of the operating system.
    fn flock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool>;
    /// Takes or releases the open-file-description lock of `fcntl` on the whole file; `Ok(false)` when
    /// another process has it.
    ///
    /// # Errors
    /// Those of the operating system.
    fn ofd_lock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool>;
}

/// The operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealSys;

impl Sys for RealSys {
    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd> {
        // NOFOLLOW: a link in the folder must not make root write elsewhere. NONBLOCK: opening a FIFO must
        // not hang. RDWR: a write lock needs a writable descriptor, a repair a readable one.
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
        stat_of(&rustix::fs::fstat(fd)?)
    }

    fn stat_path(&self, path: &Path) -> io::Result<Stat> {
        stat_of(&rustix::fs::lstat(path)?)
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
            // The value 0 is a read lock: a failed conversion must not become one.
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

fn stat_of(stat: &rustix::fs::Stat) -> io::Result<Stat> {
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
        identity: (stat.st_dev, stat.st_ino),
        size: u64::try_from(stat.st_size).map_err(|_| io::ErrorKind::InvalidData)?,
        // Some C libraries declare them signed; they are never negative.
        mtime: (stat.st_mtime, stat.st_mtime_nsec as _),
        irregular,
    })
}

fn free_or_busy(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Has a write to the open file fail where it would wait, for all who have that file open; returns whether it does.
#[must_use]
pub fn set_nonblocking(fd: RawFd) -> bool {
    if fd < 0 {
        return false;
    }
    // SAFETY: it is not negative, and is used by two calls only, which refuse one that is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    fcntl_getfl(fd).and_then(|flags| fcntl_setfl(fd, flags | OFlags::NONBLOCK)).is_ok()
}
