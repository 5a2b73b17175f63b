//! Any use of the queue by one thread, beside a queue of the standard library.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use kvp::ring::{Consumer, Cursor, Producer, ring};

const WORD: usize = 8;

/// Panics where the ring is not a bounded queue. Input that ends too early ends the sequence.
pub fn check(input: &[u8]) {
    let _ = run(&mut Unstructured::new(input));
}

struct Both {
    producer: Producer,
    consumer: Consumer,
    /// Each body and the position behind it.
    model: VecDeque<(Vec<u8>, u64)>,
    stamp: u8,
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let (producer, consumer) = ring(input.int_in_range(0..=4096)?).unwrap();
    let mut both = Both { producer, consumer, model: VecDeque::new(), stamp: 0 };
    while !input.is_empty() {
        match input.int_in_range(0..=4)? {
            0..=2 => both.put(input)?,
            3 => both.take(input)?,
            _ => both.take_all(),
        }
        both.compare();
    }
    both.take_all();
    both.compare();
    Ok(())
}

impl Both {
    /// Reserves, and commits all, a part, or nothing of it.
    fn put(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let capacity = self.producer.capacity();
        let most = if input.ratio(1, 4)? { capacity + WORD } else { capacity / 4 };
        let least = input.int_in_range(0..=most)?;
        let fits = self.fits(least);
        let has_room = self.producer.has_room(least);
        let Some(mut body) = self.producer.reserve(least) else {
            assert!(!fits, "{least} bytes found no place");
            return Ok(());
        };
        assert!(fits && has_room && body.len() >= least);
        self.stamp = self.stamp.wrapping_add(1);
        body.fill(self.stamp);
        let len = match input.int_in_range(0..=3)? {
            0 => return Ok(()),
            1 => input.int_in_range(0..=body.len())?,
            _ => least,
        };
        let expected = body[..len].to_vec();
        body.commit(len);
        self.model.push_back((expected, self.producer.position()));
        Ok(())
    }

    /// Whether so many bytes are free in one piece, at the head or else at the start of memory.
    fn fits(&self, least: usize) -> bool {
        let capacity = self.producer.capacity();
        let needed = (WORD + least).next_multiple_of(WORD);
        let head = self.producer.position();
        let free = capacity - to_usize(head - self.consumer.position().position());
        let to_end = capacity - to_usize(head % capacity as u64);
        if needed <= to_end { needed <= free } else { to_end + needed <= free }
    }

    /// Gives back the first few entries, some others having been looked at.
    fn take(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let count = input.int_in_range(0..=self.model.len())?;
        let cursor = self.behind(count);
        let Some((_, end)) = self.model.drain(..count).next_back() else { return Ok(()) };
        assert_eq!(cursor.position(), end);
        assert!(!self.producer.is_consumed(end));
        self.consumer.advance(cursor);
        assert!(self.producer.is_consumed(end));
        Ok(())
    }

    /// Where the first `count` entries end.
    fn behind(&self, count: usize) -> Cursor {
        (0..count).fold(self.consumer.position(), |cursor, _| self.consumer.peek(cursor).unwrap().1)
    }

    /// An entry of up to a word less than half the memory fits an empty ring, wherever its head is.
    fn take_all(&mut self) {
        let end = self.behind(self.model.len());
        self.model.clear();
        self.consumer.advance(end);
        assert_eq!(self.producer.free(), self.producer.capacity());
        assert!(self.producer.reserve(self.producer.capacity() / 2 - WORD).is_some());
    }

    /// Both hold the same. All entries are looked at together.
    fn compare(&self) {
        let mut cursor = self.consumer.position();
        let mut found = Vec::new();
        while let Some((body, next)) = self.consumer.peek(cursor) {
            assert!(!self.producer.is_consumed(next.position()));
            found.push((body, next.position()));
            cursor = next;
        }
        let expected: Vec<_> = self.model.iter().map(|(body, end)| (body.as_slice(), *end)).collect();
        assert_eq!(found, expected);
        assert_eq!(self.consumer.is_empty(), self.model.is_empty());
        assert_eq!(self.producer.position(), cursor.position());
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
