//! The store: the golden cases that the fallback's tests stand on as well, any sequence of changes against
//! a plain model, a fault at every system call, and others who come in between.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;

use kvp::attempt::{Attempt, TORN_AFTER};
use kvp::edit::Defect;
use kvp::limits::{KEY_SIZE, READ_MAX, RECORD_SIZE};
use kvp::store::Contents;
use kvp::sys::{RealSys, Sys};
use kvp::{Error, Store};
use proptest::prelude::*;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use support::{Fault, FaultySys, record, records};
use tempfile::TempDir;

const CASES: &str = include_str!("../../../__test__/fixtures/golden/store.json");

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    (folder, path)
}

fn bytes_of(field: &Value) -> Vec<u8> {
    let Some(hex) = field["hex"].as_str() else { return field.as_str().unwrap().into() };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn pool_of(records: &Value) -> Vec<u8> {
    let mut pool = Vec::new();
    for record in records.as_array().into_iter().flatten() {
        let start = pool.len();
        pool.extend(bytes_of(&record[0]));
        pool.resize(start + KEY_SIZE, 0);
        pool.extend(bytes_of(&record[1]));
        pool.resize(start + RECORD_SIZE, 0);
    }
    pool
}

fn keys_of(keys: &Value) -> Vec<Vec<u8>> {
    keys.as_array().into_iter().flatten().map(bytes_of).collect()
}

/// Tries until it is neither busy nor unsettled.
fn settled<T>(mut attempt: impl FnMut() -> kvp::Result<Attempt<T>>) -> kvp::Result<T> {
    loop {
        match attempt()? {
            Attempt::Done(result) => return Ok(result),
            Attempt::Busy | Attempt::Unsettled => thread::sleep(TORN_AFTER / 10),
        }
    }
}

/// Does what a golden case says; the result as its JSON spells it.
fn run<S: Sys>(store: &mut Store<S>, case: &Value) -> kvp::Result<Value> {
    let records = pool_of(&case["records"]);
    let keys = keys_of(&case["keys"]);
    match case["op"].as_str().unwrap() {
        "append" => settled(|| store.append(&records)).map(|()| Value::Null),
        "set" => {
            let max_keys = case["maxKeys"].as_u64().unwrap_or(1024).try_into().unwrap();
            let record = records.try_into().unwrap();
            settled(|| store.set(&record, max_keys)).map(|()| Value::Null)
        }
        "delete" => {
            let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
            settled(|| store.delete(&keys)).map(Value::from)
        }
        "load" => settled(|| store.load(&records)).map(|()| Value::Null),
        "clear" => settled(|| store.clear(None)).map(|_| Value::Null),
        "repair" => settled(|| store.repair()).map(|defects| defects.iter().map(spelled).collect()),
        other => panic!("{other}"),
    }
}

fn spelled(Defect { record, reason, field }: &Defect) -> Value {
    serde_json::json!([record, reason.name(), field])
}

fn cases() -> Vec<Value> {
    serde_json::from_str(CASES).unwrap()
}

/// Lays out what is there before a case; says what the file holds without its torn tail.
fn lay_out(case: &Value, path: &Path) -> Option<Vec<u8>> {
    if case["before"].is_null() {
        return None;
    }
    let whole = pool_of(&case["before"]);
    let tail: usize = case["tail"].as_u64().unwrap_or(0).try_into().unwrap();
    fs::write(path, [&whole, &record("torn", "x")[..tail]].concat()).unwrap();
    Some(whole)
}

#[test]
fn the_golden_cases_hold() {
    for case in cases() {
        let (_folder, path) = folder();
        lay_out(&case, &path);
        let result = run(&mut Store::new(RealSys, &path), &case);
        match case["error"].as_str() {
            Some(code) => assert_eq!(result.unwrap_err().code(), code, "{case}"),
            None => assert_eq!(result.unwrap(), case["result"], "{case}"),
        }
        let after = (!case["after"].is_null()).then(|| pool_of(&case["after"]));
        assert!(fs::read(&path).ok() == after, "{case}");
    }
}

#[test]
fn a_fault_at_any_call_of_any_change_leaves_the_pool_as_it_was_or_as_it_should_be() {
    // Torn tails take their time.
    thread::scope(|scope| {
        for case in cases().into_iter().filter(|case| case["error"].is_null()) {
            let case = std::sync::Arc::new(case);
            for number in 0..calls_of(&case) {
                let case = case.clone();
                scope.spawn(move || check_with_a_fault_at(number, &case));
            }
        }
    });
}

/// How many system calls a case makes.
fn calls_of(case: &Value) -> usize {
    let (_folder, path) = folder();
    lay_out(case, &path);
    let sys = FaultySys::default();
    run(&mut Store::new(sys.clone(), &path), case).unwrap();
    sys.calls().len()
}

fn check_with_a_fault_at(number: usize, case: &Value) {
    let (_folder, path) = folder();
    let before = lay_out(case, &path);
    let after = (!case["after"].is_null()).then(|| pool_of(&case["after"]));
    let sys = FaultySys::failing_at(number, libc::EIO);
    let mut store = Store::new(sys.clone(), &path);
    let outcome = run(&mut store, case);
    let calls = sys.calls();
    let found = fs::read(&path).ok();
    // A torn tail may stay until it can be cut.
    let whole = found.map(|bytes| bytes[..bytes.len() - bytes.len() % RECORD_SIZE].to_vec());
    if !sys.is_spent() {
        // Waiting for a tail to settle makes now more calls, now fewer.
        assert!(!case["tail"].is_null(), "{case}: no call {number}");
        return;
    }
    let call = calls[number];
    match outcome {
        Err(error) => {
            assert_eq!((error.code(), error.errno()), ("ERR_KVP_IO", Some(libc::EIO)), "{call}");
            assert_eq!(error.path(), Some(path.as_path()));
            let whole = whole.filter(|bytes| before.is_some() || !bytes.is_empty());
            assert!(whole == before, "{case}: not as before at {call}, {number}");
        }
        // Giving a lock back fails without harm.
        Ok(_) => assert!(whole == after, "{case}: not as after at {call}, {number}"),
    }
    // Closing gives the locks back, whatever failed.
    drop(store);
    run(&mut Store::new(RealSys, &path), case).unwrap();
}

#[test]
fn what_can_not_be_undone_is_said() {
    let (_folder, path) = folder();
    fs::write(&path, record("a", "1").repeat(3)).unwrap();
    let faults = [("pwrite", Fault::Short(100)), ("pwrite", Fault::Errno(libc::EIO))];
    let faults = [faults[0], faults[1], faults[1]];
    let mut store = Store::new(FaultySys::with(&faults), &path);
    let error = store.set(&record("a", "2").try_into().unwrap(), 1024).unwrap_err();
    assert!(matches!(error, Error::CutShort { .. }), "{error:?}");
}

#[test]
fn short_reads_and_writes_are_carried_on() {
    let (_folder, path) = folder();
    fs::write(&path, [record("a", "1"), record("b", "2")].concat()).unwrap();
    let faults = [("pread", Fault::Short(1000)), ("pwrite", Fault::Short(1)), ("write", Fault::Short(1))];
    let sys = FaultySys::with(&faults);
    let mut store = Store::new(sys.clone(), &path);
    let more = [record("c", "1"), record("d", "2"), record("e", "3")].concat();
    store.load(&more).unwrap();
    assert!(sys.is_spent());
    assert_eq!(fs::read(&path).unwrap(), more);
}

#[test]
fn nothing_is_read_or_changed_while_somebody_holds_the_lock() {
    let (_folder, path) = folder();
    fs::write(&path, record("a", "1")).unwrap();
    let before = fs::read(&path).unwrap();
    let new: [u8; RECORD_SIZE] = record("b", "2").try_into().unwrap();
    let attempts = |store: &mut Store| {
        [
            store.append(&new).unwrap(),
            store.set(&new, 9).unwrap(),
            store.delete(&[b"a"]).unwrap().map(|_| ()),
            store.load(&new).unwrap(),
            store.clear(None).unwrap().map(|_| ()),
            store.repair().unwrap().map(|_| ()),
            store.read(false).unwrap().map(|_| ()),
            store.read_fields(false).unwrap().map(|_| ()),
        ]
    };
    let other = File::open(&path).unwrap();
    flock(&other, FlockOperation::LockExclusive).unwrap();
    assert!(attempts(&mut Store::new(RealSys, &path)).iter().all(|attempt| *attempt == Attempt::Busy));
    // Readers keep writers out, not each other.
    flock(&other, FlockOperation::LockShared).unwrap();
    let [changes @ .., read, read_fields] = attempts(&mut Store::new(RealSys, &path));
    assert!(changes.iter().all(|attempt| *attempt == Attempt::Busy));
    assert_eq!([read, read_fields], [Attempt::Done(()), Attempt::Done(())]);
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn appending(path: &Path, key: &'static str) -> impl FnMut() + Send + 'static {
    let path = path.to_owned();
    move || {
        let mut other = OpenOptions::new().append(true).open(&path).unwrap();
        other.write_all(&record(key, "theirs")).unwrap();
    }
}

fn keys(path: &Path) -> Vec<String> {
    records(path).into_iter().map(|(key, _)| key).collect()
}

#[test]
fn what_somebody_without_locks_appends_meanwhile_survives() {
    let new: [u8; RECORD_SIZE] = record("n", "new").try_into().unwrap();
    // After the look at the file and before the first write, at which a new record would have overwritten it.
    for (call, change, expected) in [
        ("write", "set", vec!["a", "b", "theirs", "n"]),
        ("pwrite", "delete", vec!["b", "theirs"]),
        ("pwrite", "load", vec!["n", "theirs"]),
    ] {
        let (_folder, path) = folder();
        fs::write(&path, [record("a", "1"), record("b", "2")].concat()).unwrap();
        let mut store = Store::new(FaultySys::disturbed_at(call, appending(&path, "theirs")), &path);
        match change {
            "set" => settled(|| store.set(&new, 9)).unwrap(),
            "delete" => drop(settled(|| store.delete(&[b"a"])).unwrap()),
            _ => settled(|| store.load(&new)).unwrap(),
        }
        assert_eq!(keys(&path), expected, "{change}");
    }
}

#[test]
fn a_file_that_others_are_making_as_well_is_changed_and_not_only_added_to() {
    let new: [u8; RECORD_SIZE] = record("k", "new").try_into().unwrap();
    for is_set in [true, false] {
        let (_folder, path) = folder();
        let mut store = Store::new(FaultySys::disturbed_at("flock", appending(&path, "k")), &path);
        let attempt = || if is_set { store.set(&new, 9) } else { store.load(&new) };
        settled(attempt).unwrap();
        assert_eq!(records(&path), [("k".into(), "new".into())]);
    }
}

#[test]
fn a_file_that_grows_while_it_is_read_is_read_again() {
    let (_folder, path) = folder();
    fs::write(&path, record("a", "1")).unwrap();
    let mut store = Store::new(FaultySys::disturbed_at("flock", appending(&path, "b")), &path);
    settled(|| store.set(&record("b", "2").try_into().unwrap(), 9)).unwrap();
    assert_eq!(records(&path)[1], ("b".into(), "2".into()));
}

#[test]
fn a_lenient_reader_follows_links_creates_nothing_and_refuses_what_is_too_large() {
    let (folder, path) = folder();
    let read = |path: &Path| Store::new(RealSys, path).read(true);
    assert_eq!(read(&path).unwrap(), Attempt::Done(Contents::Missing));
    assert!(!path.exists());
    fs::write(&path, "some bytes").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(read(&link).unwrap(), Attempt::Done(Contents::Bytes(b"some bytes".into())));
    assert_eq!(read(folder.path()).unwrap(), Attempt::Done(Contents::Irregular));
    for irregular in [&link, folder.path()] {
        let error = Store::new(RealSys, irregular).read(false).unwrap_err();
        assert_eq!(error.code(), "ERR_KVP_NOT_A_POOL_FILE");
    }
    OpenOptions::new().write(true).open(&path).unwrap().set_len(READ_MAX + 1).unwrap();
    assert_eq!(read(&path).unwrap_err().code(), "ERR_KVP_MALFORMED_POOL");
}

#[test]
fn a_file_system_without_locks_is_said_or_read_without() {
    let (_folder, path) = folder();
    fs::write(&path, record("a", "1")).unwrap();
    let without = || Store::new(FaultySys::with(&[("flock", Fault::Errno(libc::ENOLCK))]), &path);
    assert_eq!(without().read(false).unwrap_err().code(), "ERR_KVP_NO_LOCK");
    assert!(matches!(without().read(true).unwrap(), Attempt::Done(Contents::Bytes(_))));
    assert_eq!(without().clear(None).unwrap_err().code(), "ERR_KVP_NO_LOCK");
    // A lock that fails otherwise is no reason to read without one.
    let failing = Store::new(FaultySys::with(&[("flock", Fault::Errno(libc::EIO))]), &path);
    assert_eq!(failing.read(true).unwrap_err().code(), "ERR_KVP_IO");
}

#[test]
fn a_pool_is_stale_only_before_the_second_of_the_boot() {
    let (_folder, path) = folder();
    fs::write(&path, record("a", "1")).unwrap();
    let changed = fs::metadata(&path).unwrap().modified().unwrap();
    let changed = changed.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap();
    let mut store = Store::new(RealSys, &path);
    assert_eq!(store.clear(Some(changed)).unwrap(), Attempt::Done(false));
    assert_eq!(store.clear(Some(changed + 1)).unwrap(), Attempt::Done(true));
    assert_eq!(fs::read(&path).unwrap(), b"");
}

proptest! {
    #[test]
    fn any_sequence_of_changes_is_that_of_a_plain_model(
        steps in prop::collection::vec((0..5_u8, prop::collection::vec(("[ab]{1,2}", ".{0,9}"), 0..4)), 1..20),
    ) {
        let (_folder, path) = folder();
        let mut store = Store::new(RealSys, &path);
        let mut model: Vec<(String, String)> = Vec::new();
        for (step, mut given) in steps {
            for (_, value) in &mut given {
                value.retain(|character| character != '\0');
            }
            let bytes: Vec<u8> = given.iter().flat_map(|(key, value)| record(key, value)).collect();
            match step {
                0 => {
                    settled(|| store.append(&bytes)).unwrap();
                    model.extend(given);
                }
                1 => for (key, value) in given {
                    settled(|| store.set(&record(&key, &value).try_into().unwrap(), 1024)).unwrap();
                    match model.iter().position(|(other, _)| *other == key) {
                        Some(first) => {
                            model[first].1 = value;
                            let mut at = 0;
                            model.retain(|(other, _)| { at += 1; at <= first + 1 || *other != key });
                        }
                        None => model.push((key, value)),
                    }
                },
                2 => {
                    let keys: Vec<_> = given.iter().map(|(key, _)| key.as_bytes()).collect();
                    let removed = settled(|| store.delete(&keys)).unwrap();
                    let before = model.len();
                    model.retain(|(key, _)| !given.iter().any(|(other, _)| key == other));
                    prop_assert_eq!(removed, before - model.len());
                }
                3 => {
                    settled(|| store.load(&bytes)).unwrap();
                    model = given;
                }
                _ => {
                    settled(|| store.clear(None)).unwrap();
                    model.clear();
                }
            }
            let found = if path.exists() { records(&path) } else { Vec::new() };
            prop_assert_eq!(&found, &model);
        }
    }
}
