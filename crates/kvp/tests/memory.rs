//! The whole way on a pool in memory. Miri can run it: it knows neither OFD locks nor most of what files do.

#![allow(clippy::unwrap_used)]

mod support;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kvp::frame::{Kind, Level};
use kvp::limits::{KEY_SIZE, RECORD_SIZE};
use kvp::sys::{Access, Lock, Stat, Sys};
use kvp::{Channel, Name, Options};
use support::{options_for, payload};

/// Miri on a busy machine takes minutes.
const SOON: Duration = Duration::from_secs(if cfg!(miri) { 600 } else { 60 });

/// One file, whose bytes are here.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn values(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap();
        let text = |record: &[u8]| record[KEY_SIZE..].split(|byte| *byte == 0).next().unwrap().to_vec();
        bytes.chunks(RECORD_SIZE).map(|record| String::from_utf8(text(record)).unwrap()).collect()
    }

    fn status(&self) -> Stat {
        let size = self.0.lock().unwrap().len() as u64;
        Stat { identity: (1, 1), size, mtime: (0, 0), irregular: None }
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len() / RECORD_SIZE
    }
}

impl Sys for Memory {
    fn open(&self, _: &Path, _: Access) -> io::Result<OwnedFd> {
        Ok(UnixStream::pair()?.0.into())
    }
    fn stat(&self, _: BorrowedFd<'_>) -> io::Result<Stat> {
        Ok(self.status())
    }
    fn stat_path(&self, _: &Path) -> io::Result<Stat> {
        Ok(self.status())
    }
    fn read_at(&self, _: BorrowedFd<'_>, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap();
        bytes.copy_from_slice(&self.0.lock().unwrap()[start..][..bytes.len()]);
        Ok(bytes.len())
    }
    fn write(&self, _: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn write_at(&self, _: BorrowedFd<'_>, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
    fn truncate(&self, _: BorrowedFd<'_>, size: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(usize::try_from(size).unwrap());
        Ok(())
    }
    fn flock(&self, _: BorrowedFd<'_>, _: Lock) -> io::Result<bool> {
        Ok(true)
    }
    fn ofd_lock(&self, _: BorrowedFd<'_>, _: Lock) -> io::Result<bool> {
        Ok(true)
    }
}

fn open(memory: &Memory) -> Channel {
    let options = Options { max_records: 100_000, queue_bytes: 2048, ..options_for("pool") };
    Channel::open_with(&options, memory.clone()).unwrap()
}

fn event(channel: &mut Channel, number: usize) {
    let text = format!("{number} {}", "x".repeat(number % 90));
    channel.emit(Kind::Event, Level::Error, b"", Name::Text(b"name"), payload(&text));
}

#[test]
fn what_a_full_queue_takes_is_written_in_order_and_the_rest_is_counted() {
    let events = if cfg!(miri) { 60 } else { 20_000 };
    let memory = Memory::default();
    let mut channel = open(&memory);
    for number in 0..events {
        event(&mut channel, number);
    }
    assert!(channel.wait(SOON));
    channel.close(SOON);
    let numbers = memory.values().into_iter().map(|value| value.split(' ').next().unwrap().parse::<usize>());
    let numbers: Vec<_> = numbers.map(Result::unwrap).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next));
    let stats = channel.stats();
    assert_eq!(numbers.len() as u64, stats.written());
    assert_eq!(stats.written() + stats.dropped_in_all(), events as u64);
}

#[test]
fn no_wake_up_is_lost_wherever_the_thread_is_on_its_way_to_sleep() {
    let events = if cfg!(miri) { 20 } else { 300 };
    let memory = Memory::default();
    let mut channel = open(&memory);
    for number in 0..events {
        event(&mut channel, number);
        // Looks without asking, which would wake the thread; it naps 1.6 ms and sleeps then.
        let deadline = Instant::now() + SOON;
        while memory.len() <= number {
            assert!(Instant::now() < deadline, "event {number} was never written");
            thread::yield_now();
        }
        thread::sleep(Duration::from_micros(number as u64 * 97 % 2500));
    }
    channel.close(SOON);
    assert_eq!(channel.stats().dropped_in_all(), 0);
}
