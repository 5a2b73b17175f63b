//! Entries: their form in the queue, and their framing into records.

use uuid::Uuid;

use crate::clock::Millis;
use crate::error::Result;
use crate::key_layout::{KeyLayout, Word, is_key_field};
use crate::limits::{CHUNKS_MAX, ID_MAX, SAFE_VALUE, SECONDS_MAX};
use crate::record::{Batch, character_boundary};

/// No payload of more bytes fits into the records of one entry.
pub const PAYLOAD_MAX: usize = CHUNKS_MAX * SAFE_VALUE;

/// A level, ordered by verbosity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Error = 1,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    /// All of them, the least verbose first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// From 1 (ERROR) to 5 (TRACE); other numbers are no level.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number.checked_sub(1)?)).copied()
    }

    /// Its index in [`Level::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize - 1
    }

    /// The name in keys and payloads.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"][self.index()]
    }
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A span was created.
    Start,
    /// A span was closed.
    Finish {
        /// Whether it failed.
        failed: bool,
        /// Its duration, by a monotonic clock.
        seconds: f64,
    },
    /// An event.
    Event,
}

impl Kind {
    /// Whether a key has room for the duration. NaN is not legal.
    fn is_legal(self) -> bool {
        match self {
            Self::Finish { seconds, .. } => (0.0..SECONDS_MAX).contains(&seconds),
            Self::Start | Self::Event => true,
        }
    }
}

/// The start or finish of a span, or an event, on its way from the program to the pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its level.
    pub level: Level,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// The id in the key. An event with an empty id gets a UUID when it is framed.
    pub id: &'a [u8],
    /// The name in the key.
    pub name: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

const FIXED: usize = 24;

impl<'a> Entry<'a> {
    /// Bytes before the payload in the queue.
    #[must_use]
    pub fn head_len(&self) -> usize {
        FIXED + self.id.len() + self.name.len()
    }

    /// Whether it may use the part of the queue that is reserved for errors, warnings and finishes.
    #[must_use]
    pub fn is_important(&self) -> bool {
        self.level <= Level::Warn || matches!(self.kind, Kind::Finish { .. })
    }

    /// Writes all but the payload to the start of `body`, which is at least [`Entry::head_len`] long.
    ///
    /// # Panics
    /// For a shorter `body`, and for an id or name of more than 255 bytes, which the caller refuses.
    pub fn write_head(&self, body: &mut [u8]) {
        let (kind, seconds) = match self.kind {
            Kind::Start => (0, 0.0),
            Kind::Finish { failed, seconds } => (1 + u8::from(failed), seconds),
            Kind::Event => (3, 0.0),
        };
        let short = |len: usize| u8::try_from(len).unwrap_or_else(|_| panic!("a field of {len} bytes"));
        body[..4].copy_from_slice(&[kind, self.level as u8, short(self.id.len()), short(self.name.len())]);
        body[8..16].copy_from_slice(&self.time.to_ne_bytes());
        body[16..24].copy_from_slice(&seconds.to_ne_bytes());
        body[FIXED..][..self.id.len()].copy_from_slice(self.id);
        body[FIXED + self.id.len()..][..self.name.len()].copy_from_slice(self.name);
    }

    /// Reads an entry from the head that [`Entry::write_head`] wrote and the payload behind it; `None` for
    /// other bytes.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = body.split_at_checked(FIXED)?;
        let time = u64::from_ne_bytes(*fixed[8..].first_chunk()?);
        let seconds = f64::from_ne_bytes(*fixed[16..].first_chunk()?);
        let kind = match fixed[0] {
            0 => Kind::Start,
            finish @ (1 | 2) => Kind::Finish { failed: finish == 2, seconds },
            3 => Kind::Event,
            _ => return None,
        };
        let (id, rest) = rest.split_at_checked(fixed[2].into())?;
        let (name, payload) = rest.split_at_checked(fixed[3].into())?;
        Some(Self { kind, level: Level::from_number(fixed[1])?, time, id, name, payload })
    }
}

/// Why an entry can't be framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// Its payload needs more than 1,023 records.
    TooLarge,
    /// Its name, id, duration or payload can't be written in a record.
    Invalid,
}

/// Makes records of entries, with keys of one layout. `src/pool/fallback/frame.ts` is the counterpart.
#[derive(Debug, Clone)]
pub struct Framer {
    keys: KeyLayout,
    key: Vec<u8>,
    clock: Millis,
}

impl Framer {
    /// A framer for keys of this layout.
    ///
    /// # Errors
    /// As [`KeyLayout::check`].
    pub fn new(keys: &KeyLayout) -> Result<Self> {
        keys.check()?;
        Ok(Self { keys: keys.clone(), key: Vec::new(), clock: Millis::default() })
    }

    /// Adds all records of `entry` to `batch`, or none; returns how many.
    ///
    /// # Errors
    /// [`Reject`], with the batch as it was.
    pub fn frame(&mut self, entry: &Entry<'_>, batch: &mut Batch) -> std::result::Result<usize, Reject> {
        let is_sound = is_key_field(entry.name, self.keys.name_max)
            && (entry.id.is_empty() || is_key_field(entry.id, ID_MAX))
            && memchr::memchr(0, entry.payload).is_none()
            && entry.kind.is_legal();
        if !is_sound {
            return Err(Reject::Invalid);
        }
        self.write_key(entry);
        let key_len = self.key.len();
        let first = batch.len();
        let mut rest = entry.payload;
        for index in 0..CHUNKS_MAX {
            let end = character_boundary(rest, SAFE_VALUE);
            let (chunk, behind) = rest.split_at(end);
            if self.keys.numbered {
                self.key.truncate(key_len);
                push_decimal(&mut self.key, index);
            }
            batch.push(&self.key, chunk);
            rest = behind;
            if rest.is_empty() {
                return Ok(index + 1);
            }
        }
        batch.truncate(first);
        Err(Reject::TooLarge)
    }

    /// Writes the key to `self.key`, without the number of the chunk.
    fn write_key(&mut self, entry: &Entry<'_>) {
        let Self { keys, key, clock } = self;
        key.clear();
        key.extend_from_slice(keys.prefix.as_bytes());
        key.extend_from_slice(match (keys.word, entry.kind) {
            (Word::Level, _) => entry.level.name().as_bytes(),
            (Word::Kind, Kind::Start) => b"start",
            (Word::Kind, Kind::Finish { .. }) => b"finish",
            (Word::Kind, Kind::Event) => b"event",
        });
        key.push(b'|');
        key.extend_from_slice(entry.name);
        key.push(b'|');
        if entry.id.is_empty() {
            let mut text = Uuid::encode_buffer();
            key.extend_from_slice(Uuid::new_v4().hyphenated().encode_lower(&mut text).as_bytes());
        } else {
            key.extend_from_slice(entry.id);
        }
        if keys.details {
            key.push(b'|');
            key.extend_from_slice(clock.text(entry.time));
            match entry.kind {
                Kind::Finish { failed, seconds } => {
                    let result = if failed { "fail" } else { "success" };
                    key.extend_from_slice(format!("|none|{result}|{seconds:.6}").as_bytes());
                }
                Kind::Start | Kind::Event => key.extend_from_slice(b"|none||"),
            }
        }
        if keys.numbered {
            key.push(b'|');
        }
    }
}

fn push_decimal(text: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        push_decimal(text, number / 10);
    }
    text.push(b"0123456789"[number % 10]);
}
