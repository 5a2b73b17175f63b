//! A bounded queue of byte strings between one producer and one consumer.
//!
//! Positions only grow; a position's place in memory is its low bits. Each entry is a length word and its
//! body, in one piece. Where an entry does not fit before the end of memory, a skip mark sends the reader to
//! the start. The producer writes bodies in place, so that a text is copied out of JavaScript only once.
//!
//! # Invariants
//! All `unsafe` code of this module relies on these. Safe code outside of this module can't break them.
//!
//! 1. `tail <= head <= tail + capacity`, all multiples of [`WORD`], and neither ever goes back. Only the
//!    [`Producer`] stores `head`, only the [`Consumer`] stores `tail`.
//! 2. The bytes from `tail` to `head` are never written. The consumer alone reads them, as `&[u8]` that
//!    borrow it, so that [`Consumer::advance`] can't give back what is still read.
//! 3. All other bytes are the producer's. It hands them out in one [`Reservation`] at a time, which borrows
//!    it mutably.
//! 4. `head` and `tail` are stored with release and loaded with acquire: a reader of an entry sees the bytes
//!    that were written before it was published, and reads of an entry happen before its bytes are reused.

use std::alloc::{Layout, alloc_zeroed};
use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::memory::{Refused, to_usize};

const WORD: usize = 8;
const SKIP: u64 = u64::MAX;
const LEAST_CAPACITY: usize = 64 * WORD;

/// A position that both ends use, on a cache line of its own.
#[repr(align(64))]
struct End(AtomicU64);

struct Shared {
    /// Its length is a power of two.
    memory: Box<[UnsafeCell<u8>]>,
    head: End,
    tail: End,
}

// SAFETY: by the invariants no byte is written while another thread reads or writes it.
unsafe impl Sync for Shared {}

impl Shared {
    fn capacity(&self) -> usize {
        self.memory.len()
    }

    fn place(&self, position: u64) -> usize {
        to_usize(position) & (self.capacity() - 1)
    }

    /// The address of `place`. Panics unless `len` bytes from there on lie in memory.
    #[inline]
    fn start(&self, place: usize, len: usize) -> *mut u8 {
        let memory = &*self.memory;
        assert!(place <= memory.len() && len <= memory.len() - place);
        // SAFETY: checked to lie in memory or just behind it.
        UnsafeCell::raw_get(unsafe { memory.as_ptr().add(place) })
    }

    /// # Safety
    /// Nobody writes these bytes while the result lives.
    unsafe fn bytes(&self, place: usize, len: usize) -> &[u8] {
        // SAFETY: `start` checked that the bytes lie in memory, and the caller promises the rest.
        unsafe { std::slice::from_raw_parts(self.start(place, len), len) }
    }

    /// # Safety
    /// Nobody else reads or writes these bytes while the result lives.
    #[allow(clippy::mut_from_ref)] // By the caller's promise.
    unsafe fn bytes_mut(&self, place: usize, len: usize) -> &mut [u8] {
        // SAFETY: `start` checked that the bytes lie in memory, and the caller promises the rest.
        unsafe { std::slice::from_raw_parts_mut(self.start(place, len), len) }
    }
}

/// The writing end.
pub struct Producer {
    shared: Arc<Shared>,
    /// The position behind the last entry; the same as the shared one.
    head: u64,
    /// The consumer's tail when it was last loaded. The tail only grows, so at least this much is free.
    tail: u64,
}

/// Free space for the body of one entry, to be filled. Nothing is published before [`Reservation::commit`];
/// dropping the reservation gives the space back. The bytes hold what earlier entries left there.
///
/// There is one at a time:
///
/// ```compile_fail,E0499
/// let (mut producer, _) = kvp::ring::ring(512)?;
/// let first = producer.reserve(8);
/// let second = producer.reserve(8);
/// drop(first);
/// # Ok::<(), kvp::Refused>(())
/// ```
///
/// and it is committed once:
///
/// ```compile_fail,E0382
/// let (mut producer, _) = kvp::ring::ring(512)?;
/// let body = producer.reserve(8).unwrap();
/// body.commit(8);
/// body.commit(8);
/// # Ok::<(), kvp::Refused>(())
/// ```
pub struct Reservation<'a> {
    shared: &'a Shared,
    head: &'a mut u64,
    start: u64,
    body: &'a mut [u8],
}

/// The position of an entry, or of the end. Only [`Consumer::position`] and [`Consumer::peek`] make cursors,
/// and a cursor is valid for its own ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(u64);

impl Cursor {
    /// The position as [`Producer::position`] counts it.
    #[must_use]
    pub fn position(self) -> u64 {
        self.0
    }
}

/// The reading end.
pub struct Consumer {
    shared: Arc<Shared>,
    /// The position of the first entry that was not given back; the same as the shared one.
    tail: u64,
    /// The producer's head when it was last loaded. It is loaded again only when this position is reached:
    /// a load for every entry would take the cache line away from the producer each time.
    head: Cell<u64>,
}

/// A ring of at least `bytes` bytes, rounded up to a power of two.
///
/// # Errors
/// [`Refused`] where the memory can't be allocated.
pub fn ring(bytes: usize) -> Result<(Producer, Consumer), Refused> {
    let refused = Refused { bytes };
    let capacity = bytes.max(LEAST_CAPACITY).checked_next_power_of_two().ok_or(refused)?;
    let memory = zeroed(capacity).ok_or(Refused { bytes: capacity })?;
    let shared = Arc::new(Shared { memory, head: End(AtomicU64::new(0)), tail: End(AtomicU64::new(0)) });
    Ok((
        Producer { shared: Arc::clone(&shared), head: 0, tail: 0 },
        Consumer { shared, tail: 0, head: Cell::new(0) },
    ))
}

/// Zeroed memory. The kernel provides its pages at the first write, so a queue that is never full never takes
/// all of its memory.
fn zeroed(len: usize) -> Option<Box<[UnsafeCell<u8>]>> {
    let layout = Layout::array::<UnsafeCell<u8>>(len).ok()?;
    assert!(layout.size() > 0);
    // SAFETY: the layout is not empty.
    let first = unsafe { alloc_zeroed(layout) }.cast::<UnsafeCell<u8>>();
    if first.is_null() {
        return None;
    }
    let memory = ptr::slice_from_raw_parts_mut(first, len);
    // SAFETY: the global allocator, which a box uses as well, just gave these bytes with the layout that a
    // box of `len` of them has; zero is a value of each.
    Some(unsafe { Box::from_raw(memory) })
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

    /// Whether the consumer gave back everything before `position`.
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
        self.capacity() - to_usize(self.head - self.tail)
    }

    /// Whether an entry of `len` bytes may fit.
    pub fn has_room(&mut self, len: usize) -> bool {
        let needed = len.saturating_add(WORD);
        self.known_free() >= needed || self.free() >= needed
    }

    /// Reserves at least `least` bytes in one piece for the body of the next entry; `None` where so much is
    /// not free.
    pub fn reserve(&mut self, least: usize) -> Option<Reservation<'_>> {
        let needed = entry_len(least)?;
        let start = self.find(needed).or_else(|| {
            self.free();
            self.find(needed)
        })?;
        if start != self.head {
            let place = self.shared.place(self.head);
            // SAFETY: `find` says that all up to `start` is free, so by invariant 3 it is this producer's;
            // the mutable borrow keeps any other reservation away.
            unsafe { self.shared.bytes_mut(place, WORD) }.copy_from_slice(&SKIP.to_ne_bytes());
        }
        let place = self.shared.place(start);
        let skipped = to_usize(start - self.head);
        let room = (self.capacity() - place).min(self.known_free() - skipped);
        // SAFETY: as above, and `room` bytes from `start` on are free: they end before `tail + capacity`.
        let body = unsafe { self.shared.bytes_mut(place + WORD, room - WORD) };
        Some(Reservation { shared: &self.shared, head: &mut self.head, start, body })
    }

    /// Where `needed` bytes in one piece are known to be free: at the head, or at the start of memory when
    /// the rest before its end is skipped.
    fn find(&self, needed: usize) -> Option<u64> {
        let to_end = self.capacity() - self.shared.place(self.head);
        let free = self.known_free();
        if to_end >= needed {
            return (free >= needed).then_some(self.head);
        }
        (free >= to_end.checked_add(needed)?).then_some(self.head + to_end as u64)
    }
}

/// Bytes of the ring that an entry with a body of `body` bytes takes; `None` where the sum overflows.
fn entry_len(body: usize) -> Option<usize> {
    body.checked_add(WORD)?.checked_next_multiple_of(WORD)
}

impl Deref for Reservation<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.body
    }
}

impl DerefMut for Reservation<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.body
    }
}

impl Reservation<'_> {
    /// Publishes the first `len` bytes as an entry.
    ///
    /// # Panics
    /// When `len` is more than was reserved. Nothing is published then.
    pub fn commit(self, len: usize) {
        assert!(len <= self.body.len(), "{len} bytes committed of {} reserved", self.body.len());
        let place = self.shared.place(self.start);
        // SAFETY: the word before the body is free like the body and no part of it, and this reservation is
        // the only one.
        unsafe { self.shared.bytes_mut(place, WORD) }.copy_from_slice(&(len as u64).to_ne_bytes());
        // No overflow: `len` was checked.
        *self.head = self.start + (WORD + len).next_multiple_of(WORD) as u64;
        self.shared.head.0.store(*self.head, Ordering::Release);
    }
}

impl Consumer {
    /// The position of the first entry that was not given back.
    #[must_use]
    pub fn position(&self) -> Cursor {
        Cursor(self.tail)
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.look() == self.tail
    }

    /// The entry at a cursor, and the cursor of the next one; `None` at the end. Any number of entries can be
    /// borrowed together, but none across a call of [`Consumer::advance`]:
    ///
    /// ```compile_fail,E0502
    /// let (_, mut consumer) = kvp::ring::ring(512)?;
    /// let (body, next) = consumer.peek(consumer.position()).unwrap();
    /// consumer.advance(next);
    /// assert_eq!(body, b"");
    /// # Ok::<(), kvp::Refused>(())
    /// ```
    ///
    /// # Panics
    /// When the entry was given back, or when a cursor of another ring leads to no entry of this one. Such a
    /// cursor never leads to bytes that were not committed.
    #[must_use]
    pub fn peek(&self, cursor: Cursor) -> Option<(&[u8], Cursor)> {
        let Cursor(mut position) = cursor;
        assert!(position >= self.tail, "the entry at {position} was given back");
        while position < self.head.get() || position < self.look() {
            let place = self.shared.place(position);
            let to_end = self.shared.capacity() - place;
            let mut word = [0; WORD];
            // SAFETY: the position is from `tail` to `head`, so by invariant 2 nobody writes here while
            // `self` is borrowed.
            word.copy_from_slice(unsafe { self.shared.bytes(place, WORD) });
            let len = u64::from_ne_bytes(word);
            if len == SKIP {
                position += to_end as u64;
                continue;
            }
            let len = to_usize(len);
            assert!(len <= to_end - WORD, "no entry begins at {position}");
            let next = position + (WORD + len).next_multiple_of(WORD) as u64;
            assert!(next <= self.head.get(), "no entry begins at {position}");
            // SAFETY: as above: the entry ends at `next`, which is not behind `head`.
            let body = unsafe { self.shared.bytes(place + WORD, len) };
            return Some((body, Cursor(next)));
        }
        None
    }

    fn look(&self) -> u64 {
        let head = self.shared.head.0.load(Ordering::Acquire);
        self.head.set(head);
        head
    }

    /// Gives all space before a cursor back to the producer.
    ///
    /// # Panics
    /// When the cursor lies before the current position or beyond what was committed. Nothing is given back
    /// then.
    pub fn advance(&mut self, to: Cursor) {
        let Cursor(position) = to;
        let is_ahead = position >= self.tail && (position <= self.head.get() || position <= self.look());
        assert!(is_ahead, "{position} does not lie between {} and {}", self.tail, self.head.get());
        self.tail = position;
        self.shared.tail.0.store(position, Ordering::Release);
    }
}
