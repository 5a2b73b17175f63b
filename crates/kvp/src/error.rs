//! The errors of the core, one variant for each kind, each with a stable code.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::memory::Refused;

/// A failure of the core.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path leads to something that is no regular file.
    #[error("{path} is {found}; a pool is a regular file. Give the path of one", path = .path.display())]
    NotAPoolFile {
        /// The path given.
        path: PathBuf,
        /// What is there, with its article: "a directory".
        found: &'static str,
    },
    /// The file holds something other than records.
    #[error(
        "{path} is no pool: there is no record at byte {at}; nothing in it was changed. Give another path, or move the file away",
        path = .path.display()
    )]
    ForeignFile {
        /// The path given.
        path: PathBuf,
        /// Where the bytes begin that are no record.
        at: u64,
    },
    /// A field of a key breaks the diagnostics contract.
    #[error("{field} {given:?} is not allowed: {rule}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// A field of a key is longer than the contract allows.
    #[error("{field} length ({actual}) exceeds maximum ({limit})")]
    FieldTooLong {
        /// The field's name.
        field: &'static str,
        /// Bytes given.
        actual: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The pool has as many different keys as it may have.
    #[error("{path} has {keys} different keys; the limit is {limit}; delete keys, or raise the limit (maxKeys)", path = .path.display())]
    PoolFull {
        /// The pool's path.
        path: PathBuf,
        /// How many different keys it has.
        keys: usize,
        /// How many different keys it may have.
        limit: usize,
    },
    /// The file is too large to be a pool.
    #[error("{path} has {size} bytes; a pool has at most {limit}. Give another path, or move the file away", path = .path.display())]
    TooLarge {
        /// The path given.
        path: PathBuf,
        /// Bytes of the file.
        size: u64,
        /// Bytes that are read at most.
        limit: u64,
    },
    /// The file system has no locks.
    #[error("cannot lock {path}: {source}", path = .path.display())]
    NoLock {
        /// The pool's path.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A write stopped in the middle, and the bytes already written could not be removed: a process without
    /// locks appended behind them, or the cut failed too.
    #[error("a write to {path} stopped after {written} bytes and could not be rolled back; kvp repair mends the pool", path = .path.display())]
    CutShort {
        /// The pool's path.
        path: PathBuf,
        /// Bytes that stay in the file.
        written: usize,
    },
    /// The system refused memory.
    #[error(
        "{bytes} bytes of memory for {purpose} of {path} were refused; {remedy}, or raise the memory limit of the process",
        path = .path.display(),
        remedy = .purpose.remedy()
    )]
    NoMemory {
        /// What the memory is needed for.
        purpose: Purpose,
        /// Bytes asked for.
        bytes: usize,
        /// The pool's path.
        path: PathBuf,
    },
    /// The writer panicked: a defect of this package.
    #[error("the writer of {path} panicked: {message}; this is a defect of kvp-tracing, please report it", path = .path.display())]
    Panic {
        /// The pool's path.
        path: PathBuf,
        /// The panic's message.
        message: String,
    },
    /// A system call failed.
    #[error("cannot {syscall} {path}: {source}", path = .path.display())]
    Io {
        /// Which system call.
        syscall: &'static str,
        /// The pool's path.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

/// What memory is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A channel's queue and batch.
    Queue,
    /// The bytes of a pool, before or after a change.
    Contents,
    /// Records or keys that the caller passed.
    Records,
}

impl Purpose {
    fn remedy(self) -> &'static str {
        match self {
            Self::Queue => "lower queueBytes",
            Self::Contents => "empty the pool",
            Self::Records => "give fewer at once",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Queue => "the queue",
            Self::Contents => "the contents",
            Self::Records => "the records",
        })
    }
}

impl Error {
    /// The error for memory that was refused.
    #[must_use]
    pub fn no_memory(purpose: Purpose, path: &Path, Refused { bytes }: Refused) -> Self {
        Self::NoMemory { purpose, bytes, path: path.into() }
    }

    /// The code that JavaScript sees; it never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAPoolFile { .. } | Self::ForeignFile { .. } => "ERR_KVP_NOT_A_POOL_FILE",
            Self::Field { .. } => "ERR_KVP_INVALID_FIELD",
            Self::FieldTooLong { .. } => "ERR_KVP_FIELD_TOO_LONG",
            Self::PoolFull { .. } => "ERR_KVP_POOL_FULL",
            Self::TooLarge { .. } => "ERR_KVP_MALFORMED_POOL",
            Self::NoLock { .. } => "ERR_KVP_NO_LOCK",
            Self::NoMemory { .. } => "ERR_KVP_NO_MEMORY",
            Self::Panic { .. } => "ERR_KVP_PANIC",
            Self::CutShort { .. } | Self::Io { .. } => "ERR_KVP_IO",
        }
    }

    /// The operating system's error number, if it was one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Io { source, .. } | Self::NoLock { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }

    /// The system call that failed, if one did.
    #[must_use]
    pub fn syscall(&self) -> Option<&'static str> {
        match self {
            Self::Io { syscall, .. } => Some(syscall),
            _ => None,
        }
    }

    /// The path of the pool, if the error is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::NotAPoolFile { path, .. }
            | Self::ForeignFile { path, .. }
            | Self::PoolFull { path, .. }
            | Self::TooLarge { path, .. }
            | Self::NoLock { path, .. }
            | Self::CutShort { path, .. }
            | Self::NoMemory { path, .. }
            | Self::Panic { path, .. }
            | Self::Io { path, .. } => Some(path),
            Self::Field { .. } | Self::FieldTooLong { .. } => None,
        }
    }

    /// Whether the file or its folder does not exist. At early boot that is normal: `hv_kvp_daemon` creates
    /// the folder.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.syscall() == Some("open") && self.errno() == Some(libc::ENOENT)
    }

    /// Whether the pool could not be opened.
    #[must_use]
    pub fn is_of_opening(&self) -> bool {
        self.syscall() == Some("open") || matches!(self, Self::NotAPoolFile { .. } | Self::ForeignFile { .. })
    }

    /// Whether opening told that there is no pool at the path: nothing, or something else.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        match self {
            Self::Io { syscall: "open", source, .. } => leads_nowhere(source),
            error => matches!(error, Self::NotAPoolFile { .. }),
        }
    }

    /// Whether the pool could not be opened for a reason that passes: a missing folder, a root that is not yet
    /// mounted for writing, too many open files, a full disk. What stays is a path that is or leads
    /// through something else than it should or is too long, and a process without the right to write there. `isWaitedFor` in `src/pool/sys.ts` decides the
    /// same.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        let stays = [libc::EACCES, libc::EPERM, libc::ENAMETOOLONG, libc::ENOTDIR];
        self.syscall() == Some("open") && self.errno().is_some_and(|errno| !stays.contains(&errno))
    }
}

/// Whether a system call said that a path leads to nothing. Other errors say nothing of what is there.
pub(crate) fn leads_nowhere(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP))
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
