//! The bytes of `__test__/fixtures/golden`, on which the fallback's tests stand as well.

#![allow(clippy::unwrap_used)]

use kvp::frame::{Entry, Format, Framer, Kind, Level};
use kvp::limits::RECORD_SIZE;
use kvp::record::Batch;
use serde_json::Value;

/// Of each format: its cases and their records.
const FORMATS: [(Format, &str, &[u8]); 2] = [
    (
        Format::Diag,
        include_str!("../../../__test__/fixtures/golden/diag.json"),
        include_bytes!("../../../__test__/fixtures/golden/diag.kvp_pool"),
    ),
    (
        Format::AzureInit,
        include_str!("../../../__test__/fixtures/golden/azure-init.json"),
        include_bytes!("../../../__test__/fixtures/golden/azure-init.kvp_pool"),
    ),
];

fn frame(format: Format, case: &Value, batch: &mut Batch) {
    let text = |name: &str| case[name].as_str().unwrap();
    let seconds = case["seconds"].as_f64().unwrap();
    let kind = match text("kind") {
        "start" => Kind::Start,
        "finish" => Kind::Finish { failed: case["failed"].as_bool().unwrap(), seconds },
        _ => Kind::Event,
    };
    let entry = Entry {
        kind,
        level: Level::ALL.into_iter().find(|level| level.name() == text("level")).unwrap(),
        time: case["time"].as_u64().unwrap() * 1_000_000,
        id: text("id").as_bytes(),
        name: text("name").as_bytes(),
        payload: text("payload").as_bytes(),
    };
    let mut framer = Framer::new(format, text("agent"), text("vmId")).unwrap();
    let mut queued = vec![0; entry.head_len()];
    entry.write_head(&mut queued);
    queued.extend_from_slice(entry.payload);
    framer.frame(&Entry::read(&queued).unwrap(), batch).unwrap();
}

fn cases(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_case_makes_the_golden_records() {
    for (format, json, pool) in FORMATS {
        let mut at = 0;
        for case in cases(json) {
            let mut batch = Batch::default();
            frame(format, &case, &mut batch);
            let golden = &pool[at..at + batch.as_bytes().len()];
            assert!(batch.as_bytes() == golden, "{} at record {}", case["title"], at / RECORD_SIZE);
            at += golden.len();
        }
        assert_eq!(at, pool.len());
    }
}

#[test]
fn a_buffer_used_before_makes_the_same_records() {
    for (format, json, pool) in FORMATS {
        let mut batch = Batch::default();
        for _ in 0..pool.len() / RECORD_SIZE {
            batch.push(&[b'k'; 511], &[b'v'; 2047]);
        }
        batch.truncate(0);
        for case in cases(json) {
            frame(format, &case, &mut batch);
        }
        assert!(batch.as_bytes() == pool);
    }
}
