//! What is read of a pool where only its fields are wanted.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;

use kvp::Store;
use kvp::attempt::Attempt;
use kvp::store::Contents;
use kvp::sys::RealSys;
use support::record;

#[test]
fn of_a_pool_the_fields_are_read_and_of_any_other_file_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool");
    let read = || Store::new(RealSys, &path).read_fields(true).unwrap();
    let keys = ["a|b|0", "a|c|0", "a|b|1", "a|b", "a", "a|b|", "ä|b|0"];
    let mut pool: Vec<u8> = keys.iter().flat_map(|key| record(key, "value")).collect();
    // More than are read at a time.
    pool.extend((0..300).flat_map(|number| record(&format!("{number}|x"), "")));
    pool.extend(b"torn");
    fs::write(&path, &pool).unwrap();
    let Attempt::Done(Contents::Fields(fields)) = read() else { panic!("no fields") };
    assert_eq!(fields.size(), pool.len() as u64);
    let texts = |field: usize| {
        let start = if field == 0 { 0 } else { fields.ends[field - 1] as usize };
        &fields.bytes[start..fields.ends[field] as usize]
    };
    for (record, key) in keys.iter().enumerate() {
        assert_eq!([texts(2 * record), texts(2 * record + 1)], [key.as_bytes(), b"value"]);
    }
    assert_eq!([texts(2 * 306), texts(2 * 307), texts(2 * 307 + 1)], [&b"299|x"[..], b"torn", b""]);
    assert_eq!(fields.ends.len(), 2 * 308);
    assert_eq!(fields.alike[..9], [0, 1, 0, 3, 4, 0, 6, 7, 8]);
    assert_eq!(fields.alike.len(), 307);
    // Bytes that are not UTF-8 may be the same text as others.
    pool[0] = 0xff;
    fs::write(&path, &pool).unwrap();
    assert!(matches!(read(), Attempt::Done(Contents::Fields(fields)) if fields.alike.is_empty()));
    for other in [&b""[..], b"torn", "[{\"key\":".repeat(500).as_bytes()] {
        fs::write(&path, other).unwrap();
        assert_eq!(read(), Attempt::Done(Contents::Bytes(other.into())));
    }
}
