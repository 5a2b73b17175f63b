//! The queue between two threads, and what comes of using it wrongly. Miri runs all of it.

#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use kvp::Refused;
use kvp::ring::{Producer, ring};

/// Miri takes its time for each.
const ENTRIES: u64 = if cfg!(miri) { 100 } else { 50_000 };

fn put(producer: &mut Producer, body: &[u8]) {
    let mut place = producer.reserve(body.len()).unwrap();
    place[..body.len()].copy_from_slice(body);
    place.commit(body.len());
}

/// What a panic says.
fn panic_of<R>(act: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).err().unwrap();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn what_one_thread_puts_in_another_takes_out_in_order() {
    let (mut producer, mut consumer) = ring(4096).unwrap();
    let sender = thread::spawn(move || {
        for number in 0..ENTRIES {
            let len = 8 + usize::try_from(number % 200).unwrap();
            loop {
                if let Some(mut body) = producer.reserve(len) {
                    body[..len].fill(u8::try_from(number % 251).unwrap());
                    body[..8].copy_from_slice(&number.to_ne_bytes());
                    body.commit(len);
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
fn entries_are_looked_at_together_and_again_while_the_producer_writes_others() {
    let (mut producer, mut consumer) = ring(512).unwrap();
    let start = consumer.position();
    put(&mut producer, b"first");
    put(&mut producer, b"second");
    let (first, behind_first) = consumer.peek(start).unwrap();
    let sender = thread::spawn(move || {
        while let Some(mut body) = producer.reserve(16) {
            body.fill(b'x');
            body.commit(16);
        }
    });
    let (second, behind) = consumer.peek(behind_first).unwrap();
    let again = consumer.peek(start).unwrap();
    assert_eq!([first, second, again.0], [&b"first"[..], b"second", b"first"]);
    sender.join().unwrap();
    assert_eq!([first, again.0], [b"first"; 2]);
    consumer.advance(behind);
    assert_eq!(consumer.peek(behind).unwrap().0, [b'x'; 16]);
}

#[test]
fn an_entry_that_was_given_back_is_refused_while_the_producer_writes_over_it() {
    let (mut producer, mut consumer) = ring(512).unwrap();
    let start = consumer.position();
    put(&mut producer, &[1; 248]);
    consumer.advance(consumer.peek(start).unwrap().1);
    put(&mut producer, &[2; 240]);
    let sender = thread::spawn(move || put(&mut producer, &[3; 200]));
    assert_eq!(panic_of(|| consumer.peek(start).map(|(body, _)| body[0])), "the entry at 0 was given back");
    sender.join().unwrap();
    let (second, behind) = consumer.peek(consumer.position()).unwrap();
    assert_eq!((second, consumer.peek(behind).unwrap().0), (&[2; 240][..], &[3; 200][..]));
}

#[test]
fn space_is_given_back_only_forwards_and_only_up_to_what_was_committed() {
    let (mut producer, mut consumer) = ring(512).unwrap();
    let start = consumer.position();
    put(&mut producer, b"first");
    put(&mut producer, b"second");
    let behind_first = consumer.peek(start).unwrap().1;
    consumer.advance(behind_first);
    assert_eq!(panic_of(|| consumer.advance(start)), "0 does not lie between 16 and 32");
    let (_, empty) = ring(512).unwrap();
    let mut empty = empty;
    assert_eq!(panic_of(|| empty.advance(behind_first)), "16 does not lie between 0 and 0");
    assert_eq!(consumer.position(), behind_first);
    assert_eq!(consumer.peek(behind_first).unwrap().0, b"second");
    assert!(producer.is_consumed(behind_first.position()) && !producer.is_consumed(producer.position()));
}

#[test]
fn a_cursor_of_another_ring_leads_to_no_bytes_that_were_not_committed() {
    let (mut other, others) = ring(512).unwrap();
    put(&mut other, &[0; 56]);
    let foreign = others.peek(others.position()).unwrap().1;
    for (bytes, expected) in [
        (u64::MAX - 7, "no entry begins at 64"),
        // One that would end behind what was committed, and one that would end behind the memory.
        (192, "no entry begins at 64"),
        (1 << 20, "no entry begins at 64"),
    ] {
        let (mut producer, consumer) = ring(512).unwrap();
        put(&mut producer, &bytes.to_ne_bytes().repeat(30));
        assert_eq!(panic_of(|| consumer.peek(foreign).map(|(body, _)| body.to_vec())), expected);
    }
    let (_producer, consumer) = ring(512).unwrap();
    assert_eq!(consumer.peek(foreign), None);
}

#[test]
fn more_than_was_reserved_is_not_committed() {
    let (mut producer, consumer) = ring(512).unwrap();
    let reserved = producer.reserve(8).unwrap();
    let room = reserved.len();
    let said = panic_of(|| reserved.commit(room + 1));
    assert_eq!(said, format!("{} bytes committed of {room} reserved", room + 1));
    assert_eq!((producer.position(), consumer.is_empty()), (0, true));
    put(&mut producer, b"sound");
    assert_eq!(consumer.peek(consumer.position()).unwrap().0, b"sound");
}

#[test]
fn what_is_reserved_and_not_committed_is_free_again() {
    let (mut producer, consumer) = ring(512).unwrap();
    for _ in 0..3 {
        producer.reserve(400).unwrap().fill(1);
        let _ = producer.reserve(400).unwrap();
    }
    assert!(consumer.is_empty());
    put(&mut producer, &[2; 400]);
    assert_eq!(consumer.peek(consumer.position()).unwrap().0, [2; 400]);
}

#[test]
fn an_entry_larger_than_the_ring_never_fits() {
    let (mut producer, _consumer) = ring(4096).unwrap();
    assert!(producer.reserve(4088).is_some());
    for least in [4089, 4096, usize::MAX - 15, usize::MAX - 7, usize::MAX] {
        assert!(producer.reserve(least).is_none());
        assert!(!producer.has_room(least));
    }
}

#[test]
fn a_ring_for_which_there_is_no_memory_is_refused() {
    // Miri itself ends when it has no memory.
    let refused = if cfg!(miri) { usize::MAX } else { 1 << 62 };
    for bytes in [refused, (1 << 63) + 1, usize::MAX] {
        assert_eq!(ring(bytes).err(), Some(Refused { bytes }));
    }
}
