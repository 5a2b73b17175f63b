//! What `npm run fuzz` runs for minutes, here for a moment: the same checks on bytes drawn at random.

#![allow(clippy::unwrap_used)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 10 } else { 1000 }))]

    #[test]
    fn any_sequence_of_changes_of_any_pool_is_that_of_a_plain_model(input in bytes(300)) {
        fuzz::edits::check(&input);
    }

    #[test]
    fn any_entry_is_refused_or_framed_into_records_that_hold_it(input in bytes(1000)) {
        fuzz::frame::check(&input);
    }

    #[test]
    fn any_use_of_the_ring_is_that_of_a_bounded_queue(input in bytes(1000)) {
        fuzz::ring::check(&input);
    }
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..if cfg!(miri) { most / 10 } else { most })
}
