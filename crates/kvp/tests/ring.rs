//! The queue between two threads.

#![allow(clippy::unwrap_used)]

use kvp::ring::ring;
use std::thread;

/// Miri takes its time for each.
const ENTRIES: u64 = if cfg!(miri) { 100 } else { 50_000 };

#[test]
fn what_one_thread_puts_in_another_takes_out_in_order() {
    let (mut producer, mut consumer) = ring(4096);
    let sender = thread::spawn(move || {
        for number in 0..ENTRIES {
            let len = 8 + usize::try_from(number % 200).unwrap();
            loop {
                if let Some(body) = producer.reserve(len) {
                    body[..len].fill(u8::try_from(number % 251).unwrap());
                    body[..8].copy_from_slice(&number.to_ne_bytes());
                    producer.commit(len);
                    break;
                }
                thread::yield_now();
            }
        }
    });
    let mut expected = 0_u64;
    while expected < ENTRIES {
        let Some((body, next)) = consumer.peek(consumer.position()) else {
            thread::yield_now();
            continue;
        };
        assert_eq!(u64::from_ne_bytes(body[..8].try_into().unwrap()), expected);
        assert_eq!(body.len(), 8 + usize::try_from(expected % 200).unwrap());
        assert!(body[8..].iter().all(|&byte| u64::from(byte) == expected % 251));
        consumer.advance(next);
        expected += 1;
    }
    sender.join().unwrap();
    assert!(consumer.is_empty());
}

#[test]
fn an_entry_larger_than_the_ring_never_fits() {
    let (mut producer, _consumer) = ring(4096);
    assert!(producer.reserve(4096).is_none());
    assert!(producer.reserve(4088).is_some());
}
