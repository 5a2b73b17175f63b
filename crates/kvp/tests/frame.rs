//! What may stand in a record, and what is refused before anything is written.

#![allow(clippy::unwrap_used)]

mod support;

use kvp::clock::Millis;
use kvp::frame::{Entry, Framer, Kind, Level, PAYLOAD_MAX, Reject};
use kvp::key_layout::{KeyLayout, Word};
use kvp::limits::{CHUNKS_MAX, KEY_SIZE, RECORD_SIZE, SAFE_KEY, SAFE_VALUE};
use kvp::record::Batch;
use proptest::prelude::*;
use support::{azure_init, diag};

fn entry<'a>(name: &'a str, id: &'a str, payload: &'a [u8]) -> Entry<'a> {
    Entry {
        kind: Kind::Event,
        level: Level::Info,
        time: 0,
        id: id.as_bytes(),
        name: name.as_bytes(),
        payload,
    }
}

fn field(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().position(|&byte| byte == 0).unwrap()]
}

#[test]
fn a_layout_whose_keys_could_not_be_read_is_refused() {
    let text = |keys: KeyLayout| Framer::new(&keys).unwrap_err().to_string();
    let with_prefix = |prefix: &str| text(KeyLayout { prefix: prefix.into(), ..diag("a", "v") });
    let rule = "it must end with '|' and must not contain NUL";
    assert_eq!(with_prefix(""), format!("prefix \"\" is not allowed: {rule}"));
    assert_eq!(with_prefix("DIAG|a"), format!("prefix \"DIAG|a\" is not allowed: {rule}"));
    assert!(with_prefix("DIAG|\0|").ends_with(rule));
    let named = |name_max| text(KeyLayout { name_max, ..azure_init(&"a".repeat(32), &"v".repeat(36)) });
    assert_eq!(named(0), "nameMax \"0\" is not allowed: it must be at least 1");
    assert_eq!(named(142), "key length (255) exceeds maximum (254)");
    assert!(named(usize::MAX).starts_with("key length ("));
    for (word, details, numbered) in
        [(Word::Kind, false, false), (Word::Level, true, false), (Word::Level, false, true)]
    {
        let prefix = format!("{}|", "p".repeat(250));
        let error = Framer::new(&KeyLayout { prefix, word, name_max: 1, details, numbered }).unwrap_err();
        assert_eq!(error.code(), "ERR_KVP_FIELD_TOO_LONG");
    }
}

#[test]
fn the_longest_key_of_any_layout_that_is_taken_reaches_the_host_whole() {
    let seconds = 300.0 * 366.0 * 86_400.0;
    for (word, details, numbered) in [Word::Kind, Word::Level]
        .into_iter()
        .flat_map(|word| [(word, false, false), (word, false, true), (word, true, false), (word, true, true)])
    {
        let layout = |name_max| KeyLayout { prefix: "p|".into(), word, name_max, details, numbered };
        let most = (1..=SAFE_KEY).rev().find(|most| Framer::new(&layout(*most)).is_ok()).unwrap();
        let mut batch = Batch::default();
        let (name, id, payload) = ("n".repeat(most), "i".repeat(36), "x".repeat(PAYLOAD_MAX));
        let kind = Kind::Finish { failed: false, seconds };
        let longest = Entry { kind, level: Level::Error, ..entry(&name, &id, payload.as_bytes()) };
        Framer::new(&layout(most)).unwrap().frame(&longest, &mut batch).unwrap();
        let last = batch.as_bytes().chunks(RECORD_SIZE).next_back().unwrap();
        assert_eq!(field(last).len(), SAFE_KEY, "{word:?} {details} {numbered}");
    }
}

#[test]
fn an_illegal_entry_is_refused_and_leaves_the_batch_as_it_was() {
    let mut framer = Framer::new(&diag("a/1", "v")).unwrap();
    let mut batch = Batch::default();
    let long = "n".repeat(49);
    for illegal in [
        entry("", "i", b"{}"),
        entry("a|b", "i", b"{}"),
        entry(&long, "i", b"{}"),
        entry("n", "i|", b"{}"),
        entry("n", "i", b"a\0b"),
    ] {
        assert_eq!(framer.frame(&illegal, &mut batch), Err(Reject::Invalid));
        assert!(batch.is_empty());
    }
}

#[test]
fn a_name_of_azure_inits_layout_may_have_what_its_key_has_left() {
    let layout = azure_init(&"a".repeat(32), &"v".repeat(36));
    let mut framer = Framer::new(&layout).unwrap();
    let mut batch = Batch::default();
    let most = "n".repeat(layout.name_max);
    let id = "i".repeat(36);
    for level in Level::ALL {
        batch.truncate(0);
        framer.frame(&Entry { level, ..entry(&most, &id, b"x") }, &mut batch).unwrap();
        assert_eq!(field(batch.as_bytes()).len(), SAFE_KEY + level.name().len() - 5);
    }
    let more = format!("{most}n");
    assert_eq!(framer.frame(&entry(&more, &id, b"x"), &mut batch), Err(Reject::Invalid));
}

#[test]
fn a_payload_of_more_than_1023_records_is_refused() {
    let mut framer = Framer::new(&diag("a/1", "v")).unwrap();
    let mut batch = Batch::default();
    let most = vec![b'x'; PAYLOAD_MAX];
    assert_eq!(framer.frame(&entry("n", "i", &most), &mut batch), Ok(CHUNKS_MAX));
    batch.truncate(0);
    let more = vec![b'x'; PAYLOAD_MAX + 1];
    assert_eq!(framer.frame(&entry("n", "i", &more), &mut batch), Err(Reject::TooLarge));
    assert!(batch.is_empty());
}

#[test]
fn an_event_without_an_id_gets_a_new_uuid_each_time() {
    let mut framer = Framer::new(&diag("a/1", "v")).unwrap();
    let mut batch = Batch::default();
    framer.frame(&entry("n", "", b"{}"), &mut batch).unwrap();
    framer.frame(&entry("n", "", b"{}"), &mut batch).unwrap();
    let ids: Vec<_> = batch
        .as_bytes()
        .chunks(RECORD_SIZE)
        .map(|record| {
            String::from_utf8(field(record).to_vec()).unwrap().split('|').nth(5).unwrap().to_owned()
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).unwrap().get_version_num() == 4));
}

#[test]
fn times_are_those_of_the_calendar() {
    let mut clock = Millis::default();
    let mut text = |seconds: u64| String::from_utf8(clock.text(seconds * 1_000_000_000).to_vec()).unwrap();
    assert_eq!(text(951_782_400), "2000-02-29T00:00:00.000Z");
    assert_eq!(text(4_107_542_399), "2100-02-28T23:59:59.000Z");
    assert_eq!(text(4_107_542_400), "2100-03-01T00:00:00.000Z");
    assert_eq!(text(1_798_761_599), "2026-12-31T23:59:59.000Z");
}

proptest! {
    #[test]
    fn any_text_comes_back_whole_from_records_that_the_host_can_read(
        payload in "[^\0]{0,4000}",
        name in "[^|\0]{1,12}",
    ) {
        let mut framer = Framer::new(&diag("a/1", "v")).unwrap();
        let mut batch = Batch::default();
        framer.frame(&entry(&name, "i", payload.as_bytes()), &mut batch).unwrap();
        let mut text = String::new();
        for (index, record) in batch.as_bytes().chunks(RECORD_SIZE).enumerate() {
            let (key, value) = record.split_at(KEY_SIZE);
            let key = std::str::from_utf8(field(key)).unwrap();
            let expected = format!("|{index}");
            prop_assert!(key.len() <= SAFE_KEY && key.ends_with(&expected));
            let value = std::str::from_utf8(field(value)).unwrap();
            prop_assert!(value.len() <= SAFE_VALUE);
            text.push_str(value);
        }
        prop_assert_eq!(text, payload);
    }

    #[test]
    fn what_is_queued_is_read_back(
        level in 1u8..=5, time: u64, id in "[ -~]{0,36}", name in "[ -~]{0,48}",
        payload in "\\PC{0,200}", seconds in 0.0..1e9, kind in 0..4,
    ) {
        let kind = match kind {
            0 => Kind::Start,
            1 => Kind::Event,
            failed => Kind::Finish { failed: failed == 2, seconds },
        };
        let level = Level::from_number(level).unwrap();
        let (id, name) = (id.as_bytes(), name.as_bytes());
        let entry = Entry { kind, level, time, id, name, payload: payload.as_bytes() };
        let mut body = vec![0; entry.head_len()];
        entry.write_head(&mut body);
        body.extend_from_slice(payload.as_bytes());
        prop_assert_eq!(Entry::read(&body), Some(entry));
    }
}

#[test]
fn a_level_or_kind_that_does_not_exist_is_read_as_nothing() {
    assert_eq!([0, 6, u8::MAX].map(Level::from_number), [None; 3]);
    let entry = Entry { kind: Kind::Event, level: Level::Info, time: 0, id: b"", name: b"n", payload: b"" };
    let mut sound = vec![0; entry.head_len()];
    entry.write_head(&mut sound);
    for (at, byte) in [(0, 4), (0, u8::MAX), (1, 0), (1, 6)] {
        let mut body = sound.clone();
        body[at] = byte;
        assert_eq!(Entry::read(&body), None);
    }
}

#[test]
fn a_duration_that_a_key_has_no_room_for_is_invalid() {
    let mut framer = Framer::new(&diag("agent/1", "vm")).unwrap();
    let mut batch = Batch::default();
    for (seconds, expected) in [
        (9_999_999_999.999_999, Ok(1)),
        (0.0, Ok(1)),
        (1e10, Err(Reject::Invalid)),
        (f64::MAX, Err(Reject::Invalid)),
        (f64::INFINITY, Err(Reject::Invalid)),
        (f64::NAN, Err(Reject::Invalid)),
        (-1.0, Err(Reject::Invalid)),
    ] {
        let kind = Kind::Finish { failed: false, seconds };
        assert_eq!(
            framer.frame(&Entry { kind, ..entry("name", "id", b"") }, &mut batch),
            expected,
            "{seconds}"
        );
    }
}
