//! Any bytes of a queue through the framer, into a batch that is cut and closed up as the drain does it.

use arbitrary::{Result, Unstructured};
use kvp::clock::Millis;
use kvp::frame::{Entry, Framer, Kind, Reject};
use kvp::key_layout::{KeyLayout, Word};
use kvp::limits::{CHUNKS_MAX, ID_MAX, KEY_SIZE, RECORD_SIZE, SAFE_KEY, SAFE_VALUE};
use kvp::record::Batch;

use super::any_bytes;

/// Panics where a record is not what it should be. Input that ends too early ends the sequence.
pub fn check(input: &[u8]) {
    let _ = run(&mut Unstructured::new(input));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let keys = KeyLayout {
        prefix: ["|", "DIAG|agent/1.0|vm|"][usize::from(input.arbitrary::<bool>()?)].into(),
        word: if input.arbitrary()? { Word::Kind } else { Word::Level },
        name_max: input.int_in_range(1..=100)?,
        details: input.arbitrary()?,
        numbered: input.arbitrary()?,
    };
    let mut framer = Framer::new(&keys).unwrap();
    let mut batch = Batch::default();
    let mut is_first = true;
    while !input.is_empty() {
        let before = batch.as_bytes().to_vec();
        let len = batch.len();
        match input.int_in_range(0..=4)? {
            0 => {
                let kept = input.int_in_range(0..=len + 1)?;
                batch.truncate(kept);
                assert!(batch.as_bytes() == &before[..kept.min(len) * RECORD_SIZE]);
            }
            1 => {
                let (from, to) = (input.int_in_range(0..=len)?, input.int_in_range(0..=len)?);
                let (from, to) = (from.max(to), from.min(to));
                batch.move_back(from, to, len - from);
                batch.truncate(to + len - from);
                let kept = [&before[..to * RECORD_SIZE], &before[from * RECORD_SIZE..]].concat();
                assert!(batch.as_bytes() == kept);
            }
            _ => {
                let body = any_body(input, keys.name_max, std::mem::take(&mut is_first))?;
                frame(&body, &keys, &mut framer, &mut batch);
                assert!(batch.as_bytes().starts_with(&before));
            }
        }
        assert_eq!(batch.as_bytes().len(), batch.len() * RECORD_SIZE);
    }
    Ok(())
}

/// A body as the queue holds it, or any other bytes. Only the first may be near the limit of records: it
/// takes as long as hundreds of others.
fn any_body(input: &mut Unstructured<'_>, name_max: usize, is_first: bool) -> Result<Vec<u8>> {
    if input.ratio(1, 8)? {
        return Ok(without_odd_seconds(any_bytes(input, 64)?.to_vec()));
    }
    let (id, name) = (any_text(input, ID_MAX + 2)?, any_text(input, name_max + 2)?);
    // One kind and one level too many.
    let mut body = vec![input.int_in_range(0..=4)?, input.int_in_range(1..=6)?];
    body.extend([id.len(), name.len()].map(|len| u8::try_from(len).unwrap()));
    body.resize(8, 0);
    // Any time, or one near others.
    let time = if input.arbitrary()? { input.arbitrary()? } else { input.int_in_range(0..=16_u64)? << 28 };
    body.extend(time.to_ne_bytes());
    body.extend(input.arbitrary::<[u8; 8]>()?);
    body.extend([id, name].concat());
    body.extend(any_text(input, 12)?);
    let piece = any_text(input, 40)?;
    let near_limit = CHUNKS_MAX * SAFE_VALUE / piece.len().max(1) * input.int_in_range(996..=1000)? / 1000;
    let times = if is_first && input.ratio(1, 16)? { near_limit } else { input.int_in_range(0..=400)? };
    body.extend(piece.repeat(times));
    body.extend(any_text(input, 12)?);
    Ok(without_odd_seconds(body))
}

/// At most so many bytes, mostly legal text: single letters, characters of several bytes, or anything.
fn any_text(input: &mut Unstructured<'_>, most: usize) -> Result<Vec<u8>> {
    let bytes = any_bytes(input, most)?;
    if input.ratio(1, 8)? {
        return Ok(bytes.to_vec());
    }
    let mut text = String::new();
    for byte in bytes {
        let character = ['a', 'é', '€', '😀'][usize::from(byte % 4)];
        if text.len() + character.len_utf8() <= most {
            text.push(character);
        }
    }
    Ok(text.into_bytes())
}

/// Durations come from a monotonic clock; the framer spells what else there is as it is.
fn without_odd_seconds(mut body: Vec<u8>) -> Vec<u8> {
    if let Some(Entry { kind: Kind::Finish { seconds, .. }, .. }) = Entry::read(&body) {
        let seconds = if seconds.is_nan() { 0.0 } else { seconds.abs().min(9e9) };
        body[16..24].copy_from_slice(&seconds.to_ne_bytes());
    }
    body
}

fn frame(body: &[u8], keys: &KeyLayout, framer: &mut Framer, batch: &mut Batch) {
    let Some(entry) = Entry::read(body) else {
        let lens = body.get(2..4).unwrap_or_default().iter().map(|len| usize::from(*len));
        assert!(body.len() < 24 + lens.sum::<usize>() || body[0] > 3 || !(1..=5).contains(&body[1]));
        return;
    };
    assert_eq!(entry.head_len() + entry.payload.len(), body.len());
    assert_is_read_back(&entry);
    let first = batch.len();
    let chunks = chunks_of(entry.payload);
    match framer.frame(&entry, batch) {
        Ok(count) => {
            assert!(is_legal(&entry, keys) && chunks.is_none_or(|chunks| chunks == count));
            assert_eq!(batch.len(), first + count);
            assert_holds(&batch.as_bytes()[first * RECORD_SIZE..], &entry, keys);
        }
        Err(reject) => {
            assert_eq!(batch.len(), first);
            assert_eq!(reject == Reject::Invalid, !is_legal(&entry, keys));
            assert!(reject == Reject::Invalid || chunks.is_none_or(|chunks| chunks > CHUNKS_MAX));
        }
    }
}

/// How many chunks of whole characters a text makes; `None` if it is none.
fn chunks_of(payload: &[u8]) -> Option<usize> {
    let (mut chunks, mut len) = (1, 0);
    for character in std::str::from_utf8(payload).ok()?.chars() {
        len += character.len_utf8();
        if len > SAFE_VALUE {
            (chunks, len) = (chunks + 1, character.len_utf8());
        }
    }
    Some(chunks)
}

fn assert_is_read_back(entry: &Entry<'_>) {
    let mut body = vec![0; entry.head_len()];
    entry.write_head(&mut body);
    body.extend_from_slice(entry.payload);
    assert_eq!(Entry::read(&body), Some(*entry));
}

fn is_legal(Entry { id, name, payload, .. }: &Entry<'_>, keys: &KeyLayout) -> bool {
    let is_free_of = |text: &[u8], bytes: &[u8]| !text.iter().any(|byte| bytes.contains(byte));
    (1..=keys.name_max).contains(&name.len())
        && id.len() <= ID_MAX
        && is_free_of(name, b"|\0")
        && is_free_of(id, b"|\0")
        && is_free_of(payload, b"\0")
}

/// Checks each record's fields, and that the chunks are the payload, cut at characters.
fn assert_holds(records: &[u8], entry: &Entry<'_>, keys: &KeyLayout) {
    let mut rest = entry.payload;
    let is_text = std::str::from_utf8(rest).is_ok();
    let first_key = text_of(&records[..KEY_SIZE]);
    for (index, record) in records.chunks_exact(RECORD_SIZE).enumerate() {
        let (key, value) = record.split_at(KEY_SIZE);
        let (key, value) = (text_of(key), text_of(value));
        assert!(key.len() <= SAFE_KEY && value.len() <= SAFE_VALUE);
        assert_is_key(key, index, entry, keys);
        // They share an id that was made for them.
        let number = |key: &[u8]| key.iter().rposition(|byte| *byte == b'|').unwrap();
        let shared = |key: &[u8]| if keys.numbered { number(key) } else { key.len() };
        assert_eq!(key[..shared(key)], first_key[..shared(first_key)]);
        assert!(rest.starts_with(value));
        rest = &rest[value.len()..];
        assert!(!is_text || std::str::from_utf8(value).is_ok());
    }
    assert_eq!(rest, b"");
}

/// What a field holds; there is a NUL, and nothing behind it.
fn text_of(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0).unwrap();
    assert!(field[end..].iter().all(|byte| *byte == 0));
    &field[..end]
}

fn assert_is_key(key: &[u8], index: usize, entry: &Entry<'_>, keys: &KeyLayout) {
    let key = key.strip_prefix(keys.prefix.as_bytes()).unwrap();
    let mut fields: Vec<_> = key.split(|byte| *byte == b'|').collect();
    if keys.numbered {
        assert_eq!(fields.pop().unwrap(), index.to_string().as_bytes());
    }
    if keys.details {
        let details = fields.split_off(3);
        let [time, encoding, result, duration] = details[..] else { panic!("{} details", details.len()) };
        assert_eq!(encoding, b"none");
        assert_are_details(time, result, duration, entry);
    }
    let [word, name, id] = fields[..] else { panic!("{} fields", fields.len()) };
    assert_eq!(word, word_of(entry, keys.word).as_bytes());
    assert_eq!(name, entry.name);
    assert!(id == entry.id || entry.id.is_empty() && id.len() == ID_MAX);
}

fn word_of(entry: &Entry<'_>, word: Word) -> &'static str {
    match (word, entry.kind) {
        (Word::Level, _) => entry.level.name(),
        (Word::Kind, Kind::Start) => "start",
        (Word::Kind, Kind::Finish { .. }) => "finish",
        (Word::Kind, Kind::Event) => "event",
    }
}

fn assert_are_details(time: &[u8], result: &[u8], duration: &[u8], entry: &Entry<'_>) {
    let is_shape = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text
                .iter()
                .zip(shape)
                .all(|(byte, at)| if *at == b'0' { byte.is_ascii_digit() } else { byte == at })
    };
    assert!(is_shape(time, b"0000-00-00T00:00:00.000Z"));
    assert_eq!(time, Millis::default().text(entry.time));
    let expected: &[u8] = match entry.kind {
        Kind::Finish { failed: true, .. } => b"fail",
        Kind::Finish { .. } => b"success",
        Kind::Start | Kind::Event => b"",
    };
    assert_eq!(result, expected);
    let whole = duration.len().saturating_sub(7);
    assert!(match entry.kind {
        Kind::Finish { .. } => is_shape(duration, &[&b"0".repeat(whole)[..], b".000000"].concat()),
        Kind::Start | Kind::Event => duration.is_empty(),
    });
}
