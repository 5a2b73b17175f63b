//! The bytes of `__test__/fixtures/golden`, on which the fallback's tests stand as well.

#![allow(clippy::unwrap_used)]

mod support;

use kvp::budget::{Budget, Verdict};
use kvp::frame::{Entry, Framer, Kind, Level};
use kvp::key_layout::{KeyLayout, Word};
use kvp::limits::{KEY_SIZE, RECORD_SIZE};
use kvp::record::{Batch, text};
use serde_json::Value;
use support::{azure_init, diag};

type Layout = fn(&str, &str) -> KeyLayout;

/// Of each format: its keys, its cases and their records.
const FORMATS: [(Layout, &str, &[u8]); 2] = [
    (
        diag,
        include_str!("../../../__test__/fixtures/golden/diag.json"),
        include_bytes!("../../../__test__/fixtures/golden/diag.kvp_pool"),
    ),
    (
        azure_init,
        include_str!("../../../__test__/fixtures/golden/azure-init.json"),
        include_bytes!("../../../__test__/fixtures/golden/azure-init.kvp_pool"),
    ),
];

fn level(case: &Value) -> Level {
    Level::ALL.into_iter().find(|level| case["level"] == level.name()).unwrap()
}

fn frame(framer: &mut Framer, case: &Value, payload: &str, batch: &mut Batch) {
    let text = |name: &str| case[name].as_str().unwrap();
    let seconds = case["seconds"].as_f64().unwrap();
    let kind = match text("kind") {
        "start" => Kind::Start,
        "finish" => Kind::Finish { failed: case["failed"].as_bool().unwrap(), seconds },
        _ => Kind::Event,
    };
    let entry = Entry {
        kind,
        level: level(case),
        time: case["time"].as_u64().unwrap() * 1_000_000,
        id: text("id").as_bytes(),
        name: text("name").as_bytes(),
        payload: payload.as_bytes(),
    };
    let mut queued = vec![0; entry.head_len()];
    entry.write_head(&mut queued);
    queued.extend_from_slice(entry.payload);
    framer.frame(&Entry::read(&queued).unwrap(), batch).unwrap();
}

fn frame_case(layout: Layout, case: &Value, batch: &mut Batch) {
    let text = |name: &str| case[name].as_str().unwrap();
    let mut framer = Framer::new(&layout(text("agent"), text("vmId"))).unwrap();
    frame(&mut framer, case, text("payload"), batch);
}

fn cases(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_case_makes_the_golden_records() {
    for (layout, json, pool) in FORMATS {
        let mut at = 0;
        for case in cases(json) {
            let mut batch = Batch::default();
            frame_case(layout, &case, &mut batch);
            let golden = &pool[at..at + batch.as_bytes().len()];
            assert!(batch.as_bytes() == golden, "{} at record {}", case["title"], at / RECORD_SIZE);
            at += golden.len();
        }
        assert_eq!(at, pool.len());
    }
}

#[test]
fn a_buffer_used_before_makes_the_same_records() {
    for (layout, json, pool) in FORMATS {
        let mut batch = Batch::default();
        for _ in 0..pool.len() / RECORD_SIZE {
            batch.push(&[b'k'; 511], &[b'v'; 2047]);
        }
        batch.truncate(0);
        for case in cases(json) {
            frame_case(layout, &case, &mut batch);
        }
        assert!(batch.as_bytes() == pool);
    }
}

#[test]
fn any_layout_of_keys_is_made_by_its_members_alone() {
    for case in cases(include_str!("../../../__test__/fixtures/golden/keys.json")) {
        let given = &case["layout"];
        let keys = KeyLayout {
            prefix: given["prefix"].as_str().unwrap().into(),
            word: if given["word"] == "kind" { Word::Kind } else { Word::Level },
            name_max: usize::try_from(given["nameMax"].as_u64().unwrap()).unwrap(),
            details: given["details"].as_bool().unwrap(),
            numbered: given["numbered"].as_bool().unwrap(),
        };
        let mut framer = Framer::new(&keys).unwrap();
        for entry in case["entries"].as_array().unwrap() {
            let mut batch = Batch::default();
            let bytes = usize::try_from(entry["bytes"].as_u64().unwrap()).unwrap();
            frame(&mut framer, entry, &"x".repeat(bytes), &mut batch);
            let records = batch.as_bytes().chunks(RECORD_SIZE);
            let keys: Vec<_> =
                records.map(|record| String::from_utf8_lossy(text(&record[..KEY_SIZE]))).collect();
            assert_eq!(Value::from(keys), entry["keys"], "{given}");
        }
    }
}

const VERDICTS: [(&str, Verdict); 3] =
    [("refused", Verdict::Refused), ("admitted", Verdict::Admitted), ("reserved", Verdict::Reserved)];

/// Takes a step of a case of the budget; says what the budget answers, if it is asked.
fn take(budget: &mut Budget, step: &Value) -> Option<&'static str> {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let number = |name: &str| step[name].as_u64().unwrap_or_default();
    let (id, failed) = (text("id"), step["failed"] == true);
    let kind = match text("kind") {
        "drop report" => {
            return Some(if budget.admits_drop_report(number("used")) { "admitted" } else { "refused" });
        }
        "lose" if step["count"].is_u64() => {
            (0..number("count")).for_each(|each| budget.lose(format!("{id}{each}").as_bytes()));
            return None;
        }
        "lose" => {
            budget.lose(id.as_bytes());
            return None;
        }
        "start" => Kind::Start,
        "finish" => Kind::Finish { failed, seconds: 1.0 },
        _ => Kind::Event,
    };
    let part = step["text"].as_str().unwrap_or("x");
    let payload = part.repeat(usize::try_from(number("bytes")).unwrap() / part.len());
    let entry = Entry {
        kind,
        level: level(step),
        time: 0,
        id: id.as_bytes(),
        name: b"n",
        payload: payload.as_bytes(),
    };
    let before = VERDICTS.iter().find(|(name, _)| *name == text("before")).map(|(_, verdict)| *verdict);
    let verdict = budget.admits(&entry, number("records"), number("used"), before);
    VERDICTS.iter().find(|(_, each)| *each == verdict).map(|(name, _)| *name)
}

#[test]
fn the_budget_decides_as_that_of_the_fallback_does() {
    for case in cases(include_str!("../../../__test__/fixtures/golden/budget.json")) {
        let max = case["maxRecords"].as_u64().unwrap();
        let mut budget = Budget::new(max, case["reservesFinishes"].as_bool().unwrap());
        for step in case["steps"].as_array().unwrap() {
            let verdict = take(&mut budget, step);
            assert_eq!(verdict, step["verdict"].as_str(), "{}: {step}", case["title"]);
        }
    }
}
