//! What the tests of pools share: system calls that fail when told to, and a look into a pool.
#![allow(dead_code, clippy::unwrap_used)] // Each test file uses its own part.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kvp::drop_report::{DropReport, Style};
use kvp::frame::{Kind, Level};
use kvp::key_layout::{KeyLayout, Word};
use kvp::limits::{KEY_SIZE, RECORD_SIZE};
use kvp::sys::{Access, Lock, RealSys, Stat, Sys};
use kvp::{Channel, Copied, Name, Options};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It fails with this number.
    Errno(i32),
    /// A write takes only so many bytes.
    Short(usize),
    /// Somebody has the lock.
    Busy,
    /// The call panics.
    Panic,
}

type Intruder = Box<dyn FnMut() + Send>;

/// The operating system, with faults at named calls, each used once.
#[derive(Clone, Default)]
pub struct FaultySys {
    faults: Arc<Mutex<Vec<(&'static str, Fault)>>>,
    nth: Arc<Mutex<Option<(usize, i32)>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    intruder: Arc<Mutex<Option<(&'static str, Intruder)>>>,
}

impl FaultySys {
    pub fn with(faults: &[(&'static str, Fault)]) -> Self {
        let sys = Self::default();
        sys.faults.lock().unwrap().extend_from_slice(faults);
        sys
    }

    /// More faults, while it is in use.
    pub fn add(&self, faults: &[(&'static str, Fault)]) {
        self.faults.lock().unwrap().extend_from_slice(faults);
    }

    /// The call of this number, from 0, fails, whatever it is.
    pub fn failing_at(number: usize, errno: i32) -> Self {
        let sys = Self::default();
        *sys.nth.lock().unwrap() = Some((number, errno));
        sys
    }

    /// Somebody does something just before the first call of this name.
    pub fn disturbed_at(call: &'static str, by: impl FnMut() + Send + 'static) -> Self {
        let sys = Self::default();
        *sys.intruder.lock().unwrap() = Some((call, Box::new(by)));
        sys
    }

    pub fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    pub fn is_spent(&self) -> bool {
        self.faults.lock().unwrap().is_empty() && self.nth.lock().unwrap().is_none()
    }

    fn fault(&self, call: &'static str) -> io::Result<Option<Fault>> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        let disturbed = self.intruder.lock().unwrap().take_if(|(at, _)| *at == call);
        if let Some((_, mut disturb)) = disturbed {
            disturb();
        }
        let due = self.nth.lock().unwrap().take_if(|(number, _)| *number + 1 == calls.len());
        if let Some((_, errno)) = due {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let mut faults = self.faults.lock().unwrap();
        let Some(index) = faults.iter().position(|(at, _)| *at == call) else { return Ok(None) };
        let fault = faults.remove(index).1;
        drop((faults, calls));
        match fault {
            Fault::Panic => panic!("{call} panics"),
            Fault::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
            fault => Ok(Some(fault)),
        }
    }
}

impl Sys for FaultySys {
    fn open(&self, path: &Path, access: Access) -> io::Result<OwnedFd> {
        self.fault("open")?;
        RealSys.open(path, access)
    }
    fn stat(&self, fd: BorrowedFd<'_>) -> io::Result<Stat> {
        self.fault("fstat")?;
        RealSys.stat(fd)
    }
    fn stat_path(&self, path: &Path) -> io::Result<Stat> {
        self.fault("lstat")?;
        RealSys.stat_path(path)
    }
    fn write(&self, fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        match self.fault("write")? {
            Some(Fault::Short(count)) => RealSys.write(fd, &bytes[..count.min(bytes.len())]),
            _ => RealSys.write(fd, bytes),
        }
    }
    fn read_at(&self, fd: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.fault("pread")? {
            Some(Fault::Short(count)) => RealSys.read_at(fd, &mut bytes[..count], offset),
            _ => RealSys.read_at(fd, bytes, offset),
        }
    }
    fn write_at(&self, fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.fault("pwrite")? {
            Some(Fault::Short(count)) => RealSys.write_at(fd, &bytes[..count.min(bytes.len())], offset),
            _ => RealSys.write_at(fd, bytes, offset),
        }
    }
    fn truncate(&self, fd: BorrowedFd<'_>, size: u64) -> io::Result<()> {
        self.fault("ftruncate")?;
        RealSys.truncate(fd, size)
    }
    fn flock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool> {
        let call = if lock == Lock::Release { "unflock" } else { "flock" };
        Ok(self.fault(call)?.is_none() && RealSys.flock(fd, lock)?)
    }
    fn ofd_lock(&self, fd: BorrowedFd<'_>, lock: Lock) -> io::Result<bool> {
        let call = if lock == Lock::Release { "unfcntl" } else { "fcntl" };
        Ok(self.fault(call)?.is_none() && RealSys.ofd_lock(fd, lock)?)
    }
}

/// A record of this key and value.
pub fn record(key: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0; RECORD_SIZE];
    bytes[..key.len()].copy_from_slice(key.as_bytes());
    bytes[KEY_SIZE..][..value.len()].copy_from_slice(value.as_bytes());
    bytes
}

/// The keys and values of a pool; fails if it is torn.
pub fn records(path: &Path) -> Vec<(String, String)> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(bytes.len() % RECORD_SIZE, 0, "the pool is torn");
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap();
        String::from_utf8(field[..end].to_vec()).unwrap()
    };
    bytes.chunks(RECORD_SIZE).map(|record| (text(&record[..KEY_SIZE]), text(&record[KEY_SIZE..]))).collect()
}

/// The keys of azure-init's diagnostics contract.
pub fn diag(agent: &str, vm_id: &str) -> KeyLayout {
    let prefix = format!("DIAG|{agent}|{vm_id}|");
    KeyLayout { prefix, word: Word::Kind, name_max: 48, details: true, numbered: true }
}

/// The keys that azure-init 0.1 writes.
pub fn azure_init(agent: &str, vm_id: &str) -> KeyLayout {
    let prefix = format!("{}|{vm_id}|", agent.replace('/', "-"));
    KeyLayout { prefix, word: Word::Level, name_max: 141, details: false, numbered: false }
}

/// How a test opens a channel unless it needs otherwise.
pub fn options_for(path: impl Into<PathBuf>) -> Options {
    Options {
        path: path.into(),
        keys: diag("test/1", "vm"),
        drop_report: DropReport { name: "telemetry:dropped".into(), style: Style::Json },
        max_records: 1024,
        queue_bytes: 64 * 1024,
        reserves_finishes: true,
        stale_before: None,
        write_through: false,
    }
}

/// Copies a text into the queue.
pub fn payload(text: &str) -> impl FnMut(&mut [u8]) -> Copied + '_ {
    move |place| {
        if text.len() > place.len() {
            return Copied::Needs(text.len());
        }
        place[..text.len()].copy_from_slice(text.as_bytes());
        Copied::Whole(text.len())
    }
}

/// Longer than anything takes that is waited for.
pub const SOON: Duration = Duration::from_secs(10);

/// The options of a pool in a folder of its own.
pub fn options() -> (TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let options = options_for(folder.path().join("pool"));
    (folder, options)
}

/// Emits an event.
pub fn event(channel: &mut Channel, level: Level, text: &str) {
    channel.emit(Kind::Event, level, b"", Name::Text(b"name"), payload(text));
}

/// The values of a pool's records.
pub fn values(path: &Path) -> Vec<String> {
    records(path).into_iter().map(|(_, value)| value).collect()
}

/// The pool, with the lock of cloud-init held.
pub fn locked(path: &PathBuf) -> fs::File {
    let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    file
}
