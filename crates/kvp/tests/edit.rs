//! What a repair makes of any bytes. The golden cases of the store hold for edits as well.

#![allow(clippy::unwrap_used)]

use kvp::edit::{self, Edit};
use kvp::limits::RECORD_SIZE;
use proptest::prelude::*;

/// What any edit must be: within the pool, and a whole number of records afterwards.
fn applied(pool: &[u8], Edit { from, with, len }: &Edit<'_>) -> Vec<u8> {
    let mut pool = pool.to_vec();
    pool.truncate(pool.len() - pool.len() % RECORD_SIZE);
    let behind = pool.split_off(*from);
    pool.extend_from_slice(with);
    pool.extend_from_slice(behind.get(with.len()..).unwrap_or_default());
    pool.truncate(*len);
    assert_eq!(pool.len(), *len);
    pool
}

fn any_pool() -> impl Strategy<Value = Vec<u8>> {
    // Bytes that make keys, ends, broken UTF-8 and runs of them likely.
    let byte = prop_oneof![Just(0), Just(b'a'), Just(0xc3), Just(0xff), any::<u8>()];
    let run = (byte, 1_usize..1500).prop_map(|(byte, count)| vec![byte; count]);
    prop::collection::vec(run, 0..12).prop_map(|runs| runs.concat())
}

proptest! {
    #[test]
    fn a_repaired_pool_is_sound_and_a_sound_one_stays(pool in any_pool()) {
        let (edit, defects) = edit::repair(&pool).unwrap();
        prop_assert_eq!(&defects, &edit::inspect(&pool).unwrap());
        let repaired = applied(&pool, &edit);
        prop_assert_eq!(edit::inspect(&repaired).unwrap(), vec![]);
        prop_assert_eq!(applied(&repaired, &edit::repair(&repaired).unwrap().0), repaired);
    }
}
