//! The budget of a pool, all the way from a queue to the file.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs::{self, OpenOptions};
use std::thread;
use std::time::Duration;

use kvp::frame::{Kind, Level};
use kvp::stats::Reason;
use kvp::{Channel, Name};
use support::{Fault, FaultySys, SOON, event, locked, options, payload, record, records, values};

#[test]
fn the_budget_is_kept_and_its_account_is_the_last_record() {
    let (_folder, mut options) = options();
    options.max_records = 100;
    fs::write(&options.path, record("other", "v").repeat(20)).unwrap();
    let mut channel = Channel::open(&options).unwrap();
    for level in [Level::Debug, Level::Info, Level::Error] {
        for _ in 0..100 {
            event(&mut channel, level, level.name());
        }
    }
    channel.request_drop_report();
    assert!(channel.wait(SOON));
    let values = values(&options.path);
    assert_eq!(values.len(), 100);
    let count = |text: &str| values.iter().filter(|value| *value == text).count();
    assert_eq!((count("DEBUG"), count("INFO"), count("ERROR")), (40, 32, 7));
    assert_eq!(
        values[99],
        r#"{"target":"kvp_tracing","level":"WARN","fields":{"message":"221 records dropped","budget":{"ERROR":93,"INFO":68,"DEBUG":60}}}"#
    );
    assert!(records(&options.path)[99].0.contains("|event|telemetry:dropped|"));
}

#[test]
fn a_start_reserves_its_finish_or_is_not_written() {
    let (_folder, mut options) = options();
    options.max_records = 21;
    let mut channel = Channel::open(&options).unwrap();
    for id in 0..20 {
        let id = format!("id{id}");
        channel.emit(Kind::Start, Level::Info, id.as_bytes(), Name::Text(b"s"), payload("start"));
    }
    for _ in 0..20 {
        event(&mut channel, Level::Info, "event");
    }
    for id in 0..20 {
        let id = format!("id{id}");
        let kind = Kind::Finish { failed: false, seconds: 1.0 };
        channel.emit(kind, Level::Info, id.as_bytes(), Name::Text(b"s"), payload("finish"));
    }
    assert!(channel.wait(SOON));
    let values = values(&options.path);
    let count = |text: &str| values.iter().filter(|value| *value == text).count();
    assert_eq!((count("start"), count("finish"), count("event")), (9, 9, 0));
}

fn count(values: &[String], start: &str) -> usize {
    values.iter().filter(|value| value.starts_with(start)).count()
}

fn finish(failed: bool) -> Kind {
    Kind::Finish { failed, seconds: 1.0 }
}

#[test]
fn a_finish_of_several_records_has_room_kept_for_all_of_them() {
    let (_folder, mut options) = options();
    options.max_records = 41;
    let mut channel = Channel::open(&options).unwrap();
    let long = |what: &str| format!("{what}{}", "x".repeat(2500));
    for what in ["start", "finish"] {
        for id in 0..12 {
            let id = format!("id{id}");
            let kind = if what == "start" { Kind::Start } else { finish(false) };
            channel.emit(kind, Level::Info, id.as_bytes(), Name::Text(b"s"), payload(&long(what)));
        }
    }
    assert!(channel.wait(SOON));
    let values = values(&options.path);
    assert_eq!((count(&values, "start"), count(&values, "finish")), (6, 6));
}

#[test]
fn a_success_without_its_start_takes_no_room_that_a_start_could_not_have() {
    for max_records in 10..40 {
        let (_folder, mut options) = options();
        options.max_records = max_records;
        let mut channel = Channel::open(&options).unwrap();
        for id in 0..40 {
            let id = format!("id{id}");
            channel.emit(Kind::Start, Level::Info, id.as_bytes(), Name::Text(b"s"), payload("start"));
            channel.emit(finish(false), Level::Info, id.as_bytes(), Name::Text(b"s"), payload("finish"));
        }
        assert!(channel.wait(SOON));
        let values = values(&options.path);
        assert_eq!(count(&values, "start"), count(&values, "finish"), "of {max_records}");
    }
}

#[test]
fn room_for_a_finish_that_was_lost_is_given_back() {
    let (_folder, mut options) = options();
    options.max_records = 200;
    let mut channel = Channel::open(&options).unwrap();
    let holder = locked(&options.path);
    for id in 0..50 {
        let id = format!("id{id}");
        channel.emit(Kind::Start, Level::Info, id.as_bytes(), Name::Text(b"s"), payload("start"));
    }
    let large = "x".repeat(2000);
    while channel.stats().dropped_in_all() == 0 {
        channel.emit(Kind::Event, Level::Error, b"", Name::Text(b"e"), payload(&large));
    }
    for id in 0..50 {
        let id = format!("id{id}");
        channel.emit(finish(false), Level::Info, id.as_bytes(), Name::Text(b"s"), payload(&large));
    }
    drop(holder);
    assert!(channel.wait(SOON));
    for _ in 0..200 {
        event(&mut channel, Level::Error, "error");
    }
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).len(), 199);
}

#[test]
fn without_finishes_no_room_is_kept_for_them() {
    let (_folder, mut options) = options();
    options.max_records = 101;
    options.reserves_finishes = false;
    let mut channel = Channel::open(&options).unwrap();
    for id in 0..200 {
        let id = format!("id{id}");
        channel.emit(Kind::Start, Level::Error, id.as_bytes(), Name::Text(b"s"), payload("start"));
    }
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).len(), 100);
}

#[test]
fn a_batch_that_is_tried_again_keeps_to_the_budget_of_a_pool_that_grew() {
    let (_folder, mut options) = options();
    options.max_records = 100;
    let faults: Vec<_> = (0..12).map(|_| ("write", Fault::Errno(libc::ENOSPC))).collect();
    let mut channel = Channel::open_with(&options, FaultySys::with(&faults)).unwrap();
    for _ in 0..90 {
        event(&mut channel, Level::Error, "x");
    }
    thread::sleep(Duration::from_millis(20));
    let mut other = OpenOptions::new().append(true).open(&options.path).unwrap();
    std::io::Write::write_all(&mut other, &record("other", "v").repeat(60)).unwrap();
    assert!(channel.wait(SOON));
    assert_eq!(values(&options.path).len(), 99);
    assert_eq!(channel.stats().dropped(Reason::Budget, Level::Error), 51);
}
