//! The whole way: a queue, the thread, a pool.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use kvp::frame::{Kind, Level};
use kvp::stats::Reason;
use kvp::{Channel, Name};
use support::{Fault, FaultySys, SOON, event, locked, options, payload, records, values};

#[test]
fn what_is_emitted_is_in_the_pool_in_order_after_a_wait() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    let name = Name::Handle(channel.intern(b"provision_user").unwrap());
    channel.emit(Kind::Start, Level::Info, b"id", name, payload("1"));
    channel.emit(Kind::Event, Level::Info, b"", name, payload("2"));
    channel.emit(Kind::Finish { failed: false, seconds: 0.5 }, Level::Info, b"id", name, payload("3"));
    assert!(channel.wait(SOON));
    let records = records(&options.path);
    assert!(records[0].0.starts_with("DIAG|test/1|vm|start|provision_user|id|"));
    assert!(records[2].0.ends_with("|none|success|0.500000|0"));
    assert_eq!(values(&options.path), ["1", "2", "3"]);
    assert_eq!((channel.stats().accepted(), channel.stats().written()), (3, 3));
}

#[test]
fn the_name_of_a_report_of_drops_may_have_as_many_bytes_as_names_may() {
    for (more, is_taken) in [(0, true), (1, false)] {
        let (_folder, mut options) = options();
        options.drop_report.name = "n".repeat(options.keys.name_max + more);
        assert_eq!(Channel::open(&options).is_ok(), is_taken);
    }
}

#[test]
fn bytes_are_queued_until_they_are_written() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    let holder = locked(&options.path);
    let text = "x".repeat(500);
    event(&mut channel, Level::Info, &text);
    let one = channel.queued_bytes();
    assert!(one > text.len());
    event(&mut channel, Level::Info, &text);
    assert_eq!(channel.queued_bytes(), 2 * one);
    drop(holder);
    assert!(channel.wait(SOON));
    assert_eq!(channel.queued_bytes(), 0);
}

#[test]
fn what_no_wait_asks_for_is_written_soon_too() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    for round in 1..=3 {
        event(&mut channel, Level::Info, "x");
        let deadline = Instant::now() + SOON;
        while values(&options.path).len() < round && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(values(&options.path).len(), round);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stuck_lock_costs_drops_once_the_queue_is_full_and_writing_resumes() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    let holder = locked(&options.path);
    let text = "x".repeat(500);
    for _ in 0..1000 {
        event(&mut channel, Level::Info, &text);
    }
    let dropped = channel.stats().dropped(Reason::Queue, Level::Info);
    assert!(dropped > 500, "{dropped} dropped");
    for _ in 0..5 {
        event(&mut channel, Level::Error, &text);
    }
    assert_eq!(channel.stats().dropped(Reason::Queue, Level::Error), 0, "room is kept for errors");
    assert!(!channel.wait(Duration::from_millis(50)));
    drop(holder);
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).len() as u64, 1005 - dropped);
}

#[test]
fn what_is_left_at_the_end_is_counted_as_lock() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    let _holder = locked(&options.path);
    for _ in 0..7 {
        event(&mut channel, Level::Warn, "x");
    }
    assert!(!channel.wait(Duration::from_millis(30)));
    channel.close(SOON);
    assert!(channel.is_closed());
    assert_eq!(channel.stats().dropped(Reason::Lock, Level::Warn), 7);
    event(&mut channel, Level::Warn, "late");
    assert_eq!(channel.stats().dropped(Reason::Closed, Level::Warn), 1);
    assert_eq!(channel.stats().accepted(), 8);
}

#[test]
fn a_large_payload_goes_through_a_queue_that_wraps() {
    let (_folder, mut options) = options();
    options.max_records = 100_000;
    let mut channel = Channel::open(&options).unwrap();
    for round in 0..40_usize {
        let text = "y".repeat(1 + round * 700);
        event(&mut channel, Level::Info, &text);
        assert!(channel.wait(SOON));
    }
    assert_eq!(channel.stats().dropped_in_all(), 0);
    assert_eq!(values(&options.path).concat().len(), (0..40).map(|round| 1 + round * 700).sum());
    event(&mut channel, Level::Info, &"z".repeat(2_000_000));
    assert_eq!(channel.stats().dropped(Reason::TooLarge, Level::Info), 1);
}

#[test]
fn a_folder_that_appears_later_is_waited_for() {
    let (folder, mut options) = options();
    options.path = folder.path().join("hyperv/pool");
    let mut channel = Channel::open(&options).unwrap();
    event(&mut channel, Level::Info, "early");
    assert!(channel.cannot_open(), "known from the start");
    assert!(!channel.wait(Duration::from_millis(30)));
    fs::create_dir(folder.path().join("hyperv")).unwrap();
    assert!(channel.wait(SOON));
    assert!(!channel.cannot_open());
    assert_eq!(values(&options.path), ["early"]);
}

#[test]
fn what_keeps_a_pool_from_being_opened_at_the_start_is_waited_out() {
    for errno in [libc::EROFS, libc::EMFILE, libc::ENFILE, libc::ENOSPC, libc::EIO] {
        let (_folder, options) = options();
        let faults = [("open", Fault::Errno(errno)); 9];
        let mut channel = Channel::open_with(&options, FaultySys::with(&faults)).unwrap();
        assert!(channel.cannot_open());
        event(&mut channel, Level::Info, "early");
        assert!(channel.wait(SOON));
        assert!(!channel.cannot_open());
        assert_eq!(values(&options.path), ["early"]);
    }
}

#[test]
fn what_does_not_pass_is_an_error_at_once() {
    for errno in
        [libc::EACCES, libc::EPERM, libc::ENAMETOOLONG, libc::ENOTDIR, libc::ELOOP, libc::EISDIR, libc::ENXIO]
    {
        let (_folder, options) = options();
        let sys = FaultySys::with(&[("open", Fault::Errno(errno))]);
        assert!(Channel::open_with(&options, sys).is_err(), "{errno}");
    }
}

#[test]
fn a_panic_of_the_writer_costs_its_batch_and_is_counted_and_said() {
    for call in ["flock", "fstat", "write", "unflock"] {
        for write_through in [false, true] {
            let (_folder, mut options) = options();
            options.write_through = write_through;
            // The first `fstat` is that of opening.
            let faults: &[_] = &[(call, Fault::Panic), (call, Fault::Panic)];
            let sys = FaultySys::default();
            let mut channel = Channel::open_with(&options, sys.clone()).unwrap();
            sys.add(faults);
            for _ in 0..2 {
                event(&mut channel, Level::Warn, "panics");
                assert!(channel.wait(SOON));
            }
            event(&mut channel, Level::Info, "goes on");
            assert!(channel.wait(SOON));
            let stats = channel.stats();
            assert_eq!(stats.dropped(Reason::Io, Level::Warn), 2, "{call}");
            assert_eq!((stats.accepted(), stats.written()), (3, 1), "{call}");
            stats.with_last_error(|error| {
                let error = error.unwrap();
                assert_eq!(error.code(), "ERR_KVP_PANIC");
                assert!(error.to_string().contains(&format!("{call} panics")), "{error}");
            });
            assert_eq!(values(&options.path).last().unwrap(), "goes on");
            channel.close(SOON);
            assert!(channel.is_closed());
        }
    }
}

#[test]
fn a_full_disk_is_waited_out_and_nothing_is_charged_twice() {
    let (_folder, mut options) = options();
    options.max_records = 3;
    let faults: Vec<_> = (0..5).map(|_| ("write", Fault::Errno(libc::ENOSPC))).collect();
    let mut channel = Channel::open_with(&options, FaultySys::with(&faults)).unwrap();
    channel.emit(Kind::Start, Level::Error, b"i", Name::Text(b"s"), payload("start"));
    let kind = Kind::Finish { failed: false, seconds: 1.0 };
    channel.emit(kind, Level::Error, b"i", Name::Text(b"s"), payload("finish"));
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path), ["start", "finish"]);
    assert!(channel.stats().with_last_error(|error| error.unwrap().errno() == Some(libc::ENOSPC)));
}

#[test]
fn channels_end_and_start_again() {
    let (_folder, options) = options();
    for _ in 0..20 {
        let mut channel = Channel::open(&options).unwrap();
        event(&mut channel, Level::Info, "x");
        assert!(channel.wait(SOON));
        channel.close(SOON);
        assert!(channel.is_closed());
    }
    assert_eq!(values(&options.path).len(), 20);
}

#[test]
fn one_stuck_pool_does_not_hold_another_up() {
    let (_folder_a, stuck) = options();
    let (_folder_b, free) = options();
    let mut stuck_channel = Channel::open(&stuck).unwrap();
    let _holder = locked(&stuck.path);
    event(&mut stuck_channel, Level::Info, "x");
    let mut channel = Channel::open(&free).unwrap();
    for _ in 0..50 {
        event(&mut channel, Level::Info, "x");
        assert!(channel.wait(Duration::from_secs(2)));
    }
    assert_eq!(values(&free.path).len(), 50);
}

#[test]
fn a_wait_after_the_end_does_not_wait() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    let _holder = locked(&options.path);
    event(&mut channel, Level::Info, "x");
    channel.request_drop_report();
    channel.close(SOON);
    channel.request_drop_report();
    assert!(channel.wait(Duration::ZERO));
}

#[test]
fn an_event_up_to_half_the_queue_always_fits_an_empty_one() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    for _ in 0..5 {
        event(&mut channel, Level::Info, &"x".repeat(40_000));
        assert!(channel.wait(SOON));
        event(&mut channel, Level::Info, &"x".repeat(30_000));
        assert!(channel.wait(SOON));
    }
    assert_eq!(channel.stats().dropped(Reason::Queue, Level::Info), 0);
    let too_large = channel.stats().dropped(Reason::TooLarge, Level::Info);
    assert!(too_large <= 5 && channel.stats().written() + too_large == 10);
}

#[test]
fn what_is_written_through_is_in_the_file_when_the_emit_returns() {
    let (_folder, mut options) = options();
    options.write_through = true;
    let mut channel = Channel::open(&options).unwrap();
    for round in 1..100 {
        event(&mut channel, Level::Info, "text");
        assert_eq!(values(&options.path).len(), round);
    }
    let holder = locked(&options.path);
    event(&mut channel, Level::Info, "later");
    assert_eq!(values(&options.path).len(), 99, "a lock is not waited for");
    drop(holder);
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).last().unwrap(), "later");
    assert_eq!(channel.stats().written(), 100);
}

#[test]
fn records_that_somebody_took_away_are_counted() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    for _ in 0..3 {
        event(&mut channel, Level::Info, "text");
    }
    assert!(channel.wait(SOON));
    // As the daemon does when a host sets a key: from what it read before our last two records came.
    fs::OpenOptions::new().write(true).open(&options.path).unwrap().set_len(2560).unwrap();
    event(&mut channel, Level::Info, "more");
    assert!(channel.wait(SOON));
    assert_eq!((channel.stats().missing(), channel.stats().written()), (2, 4));
    fs::remove_file(&options.path).unwrap();
    event(&mut channel, Level::Info, "anew");
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path), ["anew"]);
    assert_eq!(channel.stats().missing(), 4);
}

#[test]
fn records_that_a_drop_report_finds_missing_are_counted() {
    let (_folder, options) = options();
    let mut channel = Channel::open(&options).unwrap();
    event(&mut channel, Level::Info, "text");
    event(&mut channel, Level::Info, "a\0b");
    assert!(channel.wait(SOON));
    fs::remove_file(&options.path).unwrap();
    channel.request_drop_report();
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).len(), 1);
    assert_eq!(channel.stats().missing(), 1);
}
