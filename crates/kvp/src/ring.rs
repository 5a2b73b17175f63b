//! A bounded queue of byte strings between one producer and one consumer.
//!
//! Positions only grow; a position's place in memory is its low bits. Each entry is a length word
//! and its body, contiguous; where the end of memory is too near, a mark sends the reader to the
//! start. The producer writes bodies in place, so that text is read out of JavaScript just once.

use std::cell::{Cell, UnsafeCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = 8;
const SKIP: u64 = u64::MAX;

#[repr(align(64))]
struct Position(AtomicU64);

struct Shared {
    memory: Box<[UnsafeCell<u8>]>,
    head: Position,
    tail: Position,
}

// SAFETY: the bytes between tail and head are read only by the consumer, all others are touched
// only by the producer; head and tail are published with release and read with acquire.
unsafe impl Sync for Shared {}
// SAFETY: plain bytes and atomics belong to no thread.
unsafe impl Send for Shared {}

impl Shared {
    fn capacity(&self) -> usize {
        self.memory.len()
    }

    fn place(&self, position: u64) -> usize {
        usize::try_from(position & (self.capacity() as u64 - 1)).unwrap_or(0)
    }

    fn start(&self) -> *mut u8 {
        self.memory.as_ptr().cast::<u8>().cast_mut()
    }

    /// The caller owns `len` bytes from `place` on, by the rule of the type.
    #[allow(clippy::mut_from_ref)]
    fn owned(&self, place: usize, len: usize) -> &mut [u8] {
        assert!(place + len <= self.capacity());
        // SAFETY: checked to be inside of the allocation.
        let first = unsafe { self.start().add(place) };
        // SAFETY: these bytes are the caller's alone (the producer's free space, or the consumer's
        // entries), and UnsafeCell allows them to change.
        unsafe { std::slice::from_raw_parts_mut(first, len) }
    }
}

/// The writing end.
pub struct Producer {
    shared: Arc<Shared>,
    head: u64,
    reserved: u64,
    tail: u64,
}

/// The reading end.
pub struct Consumer {
    shared: Arc<Shared>,
    tail: u64,
    /// The head as last seen: reading the producer's again before it is reached would take its cache
    /// line away at every entry.
    head: Cell<u64>,
}

/// A ring of at least `bytes` bytes, rounded up to a power of two.
#[must_use]
pub fn ring(bytes: usize) -> (Producer, Consumer) {
    let capacity = bytes.max(64 * WORD).next_power_of_two();
    // Zeroed pages come from the kernel untouched: a queue that is never full never costs its size.
    let zeroed = Box::into_raw(vec![0_u8; capacity].into_boxed_slice());
    // SAFETY: UnsafeCell<u8> has the layout of u8, and the pointer was just given up by a Box.
    let memory = unsafe { Box::from_raw(zeroed as *mut [UnsafeCell<u8>]) };
    let shared =
        Arc::new(Shared { memory, head: Position(AtomicU64::new(0)), tail: Position(AtomicU64::new(0)) });
    (
        Producer { shared: Arc::clone(&shared), head: 0, reserved: 0, tail: 0 },
        Consumer { shared, tail: 0, head: Cell::new(0) },
    )
}

impl Producer {
    /// Bytes of the whole ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity()
    }

    /// Everything committed so far lies before this position.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.head
    }

    /// Whether all before `position` has been taken out.
    #[must_use]
    pub fn is_consumed(&self, position: u64) -> bool {
        self.shared.tail.0.load(Ordering::Acquire) >= position
    }

    /// Bytes that are free now.
    pub fn free(&mut self) -> usize {
        self.tail = self.shared.tail.0.load(Ordering::Acquire);
        self.known_free()
    }

    fn known_free(&self) -> usize {
        self.capacity() - usize::try_from(self.head - self.tail).unwrap_or(usize::MAX)
    }

    /// Whether an entry of `len` bytes may fit.
    pub fn has_room(&mut self, len: usize) -> bool {
        self.known_free() >= len + WORD || self.free() >= len + WORD
    }

    /// Free contiguous space for the next entry's body, at least `least` bytes of it, or `None`.
    /// Nothing is published before [`Producer::commit`].
    pub fn reserve(&mut self, least: usize) -> Option<&mut [u8]> {
        let needed = (WORD + least).next_multiple_of(WORD);
        let start = self.find(needed).or_else(|| {
            self.free();
            self.find(needed)
        })?;
        let place = self.shared.place(self.head);
        if start != self.head {
            self.shared.owned(place, WORD).copy_from_slice(&SKIP.to_ne_bytes());
        }
        self.reserved = start;
        let skipped = usize::try_from(start - self.head).unwrap_or(0);
        let place = self.shared.place(start);
        let room = (self.capacity() - place).min(self.known_free() - skipped);
        Some(self.shared.owned(place + WORD, room - WORD))
    }

    /// Where `needed` contiguous bytes are free as far as is known: at the head or, skipping what is
    /// left before the end of memory, at its start.
    fn find(&self, needed: usize) -> Option<u64> {
        let to_end = self.capacity() - self.shared.place(self.head);
        let free = self.known_free();
        if to_end >= needed {
            return (free >= needed).then_some(self.head);
        }
        (free >= to_end + needed).then_some(self.head + to_end as u64)
    }

    /// Publishes the first `len` bytes of what the last [`Producer::reserve`] gave; says how many
    /// bytes of the ring the entry took.
    pub fn commit(&mut self, len: usize) {
        let word = self.shared.owned(self.shared.place(self.reserved), WORD);
        word.copy_from_slice(&(len as u64).to_ne_bytes());
        self.head = self.reserved + (WORD + len).next_multiple_of(WORD) as u64;
        self.shared.head.0.store(self.head, Ordering::Release);
    }
}

impl Consumer {
    /// Where the next entry not yet taken out lies.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.tail
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.look() == self.tail
    }

    /// The entry at `position` and the position behind it; `None` at the end.
    #[must_use]
    pub fn peek(&self, position: u64) -> Option<(&[u8], u64)> {
        let mut position = position;
        while position < self.head.get() || position < self.look() {
            let place = self.shared.place(position);
            let mut word = [0; WORD];
            word.copy_from_slice(self.shared.owned(place, WORD));
            let len = u64::from_ne_bytes(word);
            if len == SKIP {
                position += (self.shared.capacity() - place) as u64;
                continue;
            }
            let len = usize::try_from(len).unwrap_or(0);
            let next = position + (WORD + len).next_multiple_of(WORD) as u64;
            return Some((self.shared.owned(place + WORD, len), next));
        }
        None
    }

    fn look(&self) -> u64 {
        let head = self.shared.head.0.load(Ordering::Acquire);
        self.head.set(head);
        head
    }

    /// Gives all space before `position` back to the producer.
    pub fn advance(&mut self, position: u64) {
        self.tail = position;
        self.shared.tail.0.store(position, Ordering::Release);
    }
}
