//! Any pool's bytes through any sequence of changes, beside a plain model of each.

use arbitrary::{Result, Unstructured};
use kvp::edit::{self, Edit, SetError};
use kvp::limits::{KEY_SIZE, RECORD_SIZE, VALUE_SIZE};

use super::any_bytes;

/// Panics where an edit is not what the model says. Input that ends too early ends the sequence.
pub fn check(input: &[u8]) {
    let _ = run(&mut Unstructured::new(input));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let mut pool = Vec::new();
    for _ in 0..input.int_in_range(0..=8)? {
        add_piece(&mut pool, input)?;
    }
    while !input.is_empty() {
        pool = match input.int_in_range(0..=3)? {
            0 => set(&pool, input)?,
            1 => delete(&pool, input)?,
            2 => repair(&pool),
            _ => {
                // Somebody without locks.
                add_piece(&mut pool, input)?;
                pool
            }
        };
    }
    repair(&pool);
    Ok(())
}

/// A sound record, a run that makes fields without an end, or just bytes.
fn add_piece(pool: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=3)? {
        0 | 1 => pool.extend(any_record(input)?),
        2 => {
            let (byte, count) = (input.arbitrary()?, input.int_in_range(0..=2 * RECORD_SIZE)?);
            pool.resize(pool.len() + count, byte);
        }
        _ => pool.extend(any_bytes(input, 64)?),
    }
    Ok(())
}

/// Few, so that they meet; without a NUL, as what is asked for has none.
fn any_key(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match input.int_in_range(0..=7)? {
        0 => Vec::new(),
        1 => b"a".to_vec(),
        2 => b"ab".to_vec(),
        3 => "é".into(),
        4 => vec![b'k'; KEY_SIZE - 1],
        5 => vec![0xff, b'a'],
        _ => any_bytes(input, 8)?.iter().copied().filter(|byte| *byte != 0).collect(),
    })
}

fn any_record(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut record = any_key(input)?;
    record.resize(KEY_SIZE, 0);
    record.extend(any_bytes(input, 8)?);
    if input.arbitrary()? {
        let count = input.int_in_range(0..=VALUE_SIZE)?;
        record.resize(RECORD_SIZE.min(record.len() + count), input.arbitrary()?);
    }
    record.resize(RECORD_SIZE, 0);
    Ok(record)
}

fn records(pool: &[u8]) -> Vec<&[u8]> {
    pool.chunks_exact(RECORD_SIZE).collect()
}

fn field(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn key(record: &[u8]) -> &[u8] {
    field(&record[..KEY_SIZE])
}

/// What comes of a pool, by the words that describe an edit; checks that it stays within its bounds.
fn applied(pool: &[u8], Edit { from, with, len }: &Edit<'_>) -> Vec<u8> {
    let size = pool.len() - pool.len() % RECORD_SIZE;
    let end = from + with.len();
    assert!(*from <= size && end <= *len && *len <= size.max(end));
    assert!([*from, end, *len].iter().all(|at| at % RECORD_SIZE == 0));
    let mut changed = pool[..size].to_vec();
    changed.resize(size.max(end), 0);
    changed[*from..end].copy_from_slice(with);
    changed.truncate(*len);
    changed
}

/// The records that a change of `keys` leaves alone are there afterwards, in their order.
fn assert_others_stay(before: &[u8], after: &[u8], keys: &[&[u8]]) {
    let others = |pool| records(pool).into_iter().filter(|record| !keys.contains(&key(record)));
    assert!(others(before).eq(others(after)));
}

fn set(pool: &[u8], input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let record = any_record(input)?;
    let max_keys = input.int_in_range(0..=9)?;
    let wanted = key(&record);
    let before = records(pool);
    let mut keys: Vec<_> = before.iter().map(|other| key(other)).collect();
    keys.sort_unstable();
    keys.dedup();
    let expected = if let Some(first) = before.iter().position(|other| key(other) == wanted) {
        let kept = before.iter().enumerate().filter(|(at, other)| *at == first || key(other) != wanted);
        Ok(kept.map(|(at, other)| if at == first { record.as_slice() } else { other }).collect())
    } else if keys.len() < max_keys {
        Ok([before.as_slice(), &[record.as_slice()]].concat())
    } else {
        Err(SetError::PoolFull(keys.len()))
    };
    let found = edit::set(pool, &record, max_keys).map(|edit| applied(pool, &edit));
    assert_eq!(found.as_ref().map(|pool| records(pool)).map_err(|error| *error), expected);
    Ok(found.map_or(pool.to_vec(), |after| {
        assert_others_stay(pool, &after, &[wanted]);
        after
    }))
}

fn delete(pool: &[u8], input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut keys = Vec::new();
    for _ in 0..input.int_in_range(0..=3)? {
        keys.push(any_key(input)?);
    }
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let (edit, removed) = edit::remove(pool, &keys).unwrap();
    let after = applied(pool, &edit);
    assert!(records(&after).iter().all(|record| !keys.contains(&key(record))));
    assert_eq!(records(pool).len() - removed, records(&after).len());
    assert_others_stay(pool, &after, &keys);
    Ok(after)
}

fn repair(pool: &[u8]) -> Vec<u8> {
    let (edit, defects) = edit::repair(pool).unwrap();
    assert_eq!(defects, edit::inspect(pool).unwrap());
    let after = applied(pool, &edit);
    let expected: Vec<_> = records(pool).into_iter().filter_map(mended).collect();
    assert_eq!(records(&after), expected);
    assert_eq!(edit::inspect(&after).unwrap(), []);
    let nothing = Edit { from: after.len(), with: Vec::new().into(), len: after.len() };
    assert_eq!(edit::repair(&after).unwrap().0, nothing);
    assert_eq!(defects.is_empty(), after == pool);
    after
}

/// A record after a repair, `None` without a key.
fn mended(record: &[u8]) -> Option<Vec<u8>> {
    let is_sound = |bytes: &[u8]| bytes.contains(&0) && std::str::from_utf8(field(bytes)).is_ok();
    let (key, value) = record.split_at(KEY_SIZE);
    if field(key).is_empty() {
        return None;
    }
    if is_sound(key) && is_sound(value) {
        return Some(record.to_vec());
    }
    Some([spelled_anew(key), spelled_anew(value)].concat())
}

fn spelled_anew(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for character in String::from_utf8_lossy(field(bytes)).chars() {
        if text.len() + character.len_utf8() >= bytes.len() {
            break;
        }
        text.push(character);
    }
    let mut bytes_anew = text.into_bytes();
    bytes_anew.resize(bytes.len(), 0);
    bytes_anew
}
