//! What looks like a pool and what does not, on any bytes.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use kvp::Error;
use kvp::appender::Appender;
use kvp::attempt::Attempt;
use kvp::limits::{KEY_SIZE, RECORD_SIZE, VALUE_SIZE};
use kvp::shape::{LOOKS, Shape, places};
use kvp::store::Store;
use kvp::sys::RealSys;
use proptest::prelude::*;
use support::record;

fn is_pool(bytes: &[u8]) -> bool {
    let mut shape = Shape::new(false);
    let mut places = places(0, bytes.len() as u64);
    places.all(|(at, len)| shape.admits(&bytes[usize::try_from(at).unwrap()..][..len])) && shape.is_known()
}

fn field(size: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255_u8, 0..size)
}

proptest! {
    #[test]
    fn the_first_the_last_and_few_others_are_looked_at(from in 0..50_u64, records in 0..100_000_u64, torn in 0..2560_u64) {
        let (from, record) = (from * RECORD_SIZE as u64, RECORD_SIZE as u64);
        let end = from + records * record;
        let found: Vec<_> = places(from, end + torn).collect();
        prop_assert!(found.len() as u64 <= LOOKS + 1);
        prop_assert!(found.iter().all(|(at, _)| at % record == 0));
        prop_assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let whole: Vec<_> = found.iter().filter(|(_, len)| *len == RECORD_SIZE).map(|(at, _)| *at).collect();
        prop_assert_eq!(whole.len() as u64, records.min(LOOKS));
        prop_assert_eq!(whole.first().copied(), (records > 0).then_some(from));
        prop_assert_eq!(whole.last().copied(), (records > 0).then(|| end - record));
        let tail = found.last().copied().filter(|(_, len)| *len < RECORD_SIZE);
        prop_assert_eq!(tail, (torn > 0).then(|| (end, usize::try_from(torn).unwrap())));
    }

    #[test]
    fn any_keys_and_values_make_a_pool_torn_anywhere_behind_a_key(
        fields in prop::collection::vec((field(KEY_SIZE - 1), field(VALUE_SIZE)), 1..5),
        torn in 0..VALUE_SIZE,
    ) {
        let mut pool = Vec::new();
        for (key, value) in fields {
            let start = pool.len();
            pool.push(b'k');
            pool.extend(key);
            pool.resize(start + KEY_SIZE, 0);
            pool.extend(value);
            pool.resize(start + RECORD_SIZE, 0);
        }
        prop_assert!(is_pool(&pool));
        prop_assert!(is_pool(&pool[..pool.len() - torn]));
    }

    #[test]
    fn text_is_no_pool_nor_the_end_of_one(lines in prop::collection::vec("[ -~]{0,99}\n", 1..99)) {
        let text = lines.concat().into_bytes();
        prop_assert!(!is_pool(&text));
        prop_assert!(!is_pool(&[record("key", "value"), text].concat()));
    }
}

/// That nothing changes what is at a path.
fn assert_refused(path: &Path, at: u64) {
    let before = fs::read(path).unwrap();
    let mut store = Store::new(RealSys, path);
    let mut stale = Appender::new(RealSys, path, Some(i64::MAX));
    let bytes = record("new", "value");
    for outcome in [stale.open(), stale.append(|_| &bytes).map(drop), store.clear(None).map(drop)] {
        match outcome {
            Err(Error::ForeignFile { at: found, .. }) => assert_eq!(found, at),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_pool_is_neither_appended_to_nor_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    for (bytes, at) in [
        (b"root:x:0:0\n".to_vec(), 0),
        (b"root:x:0:0\n".repeat(RECORD_SIZE), 0),
        (vec![0; RECORD_SIZE], 0),
        ([record("key", "value"), b"root:x:0:0\n".repeat(100)].concat(), RECORD_SIZE as u64),
    ] {
        fs::write(&path, bytes).unwrap();
        assert_refused(&path, at);
    }
}

#[test]
fn what_others_put_into_the_file_meanwhile_is_looked_at_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    let bytes = record("new", "value");
    let mut pool = Appender::new(RealSys, &path, None);
    assert_eq!(pool.append(|_| &bytes).unwrap(), Attempt::Done(()));
    let text = [bytes.clone(), b"some\ntext\n".repeat(256)].concat();
    fs::write(&path, &text).unwrap();
    assert_eq!(pool.append(|_| &bytes).unwrap_err().code(), "ERR_KVP_NOT_A_POOL_FILE");
    assert_eq!(fs::read(&path).unwrap(), text);
    fs::write(&path, bytes.repeat(3)).unwrap();
    assert_eq!(pool.append(|_| &bytes).unwrap(), Attempt::Done(()));
    assert_eq!(fs::read(&path).unwrap(), bytes.repeat(4));
}
