//! The drop report: the record that tells how many entries were dropped. A channel writes it at its end.
//! `src/pool/fallback/drop-report.ts` is the counterpart.

use crate::clock::Millis;
use crate::frame::Level;
use crate::stats::{Reason, Stats};

/// The style of the report's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `{"target":"kvp_tracing","level":"WARN","fields":{"message":"3 records dropped","queue":{"INFO":3}}}`.
    Json,
    /// `Time: … | Event: message=3 records dropped, queue={ INFO: 3 }`, with values in the format of Rust's `Debug`.
    Debug,
}

/// The name and style of a channel's report.
#[derive(Debug, Clone)]
pub struct DropReport {
    /// The name in its key.
    pub name: String,
    /// The format of its payload.
    pub style: Style,
}

impl DropReport {
    /// The payload, with the counts of `stats`, at `time` in nanoseconds since 1970.
    pub(crate) fn payload(&self, stats: &Stats, time: u64) -> String {
        let message = format!("{} records dropped", stats.dropped_in_all());
        match self.style {
            Style::Json => {
                let counts = counts(stats, |reason, levels| {
                    let levels = joined(levels, ",", |level, count| format!("\"{level}\":{count}"));
                    format!(",\"{reason}\":{{{levels}}}")
                });
                format!(
                    r#"{{"target":"kvp_tracing","level":"WARN","fields":{{"message":"{message}"{counts}}}}}"#
                )
            }
            Style::Debug => {
                let counts = counts(stats, |reason, levels| {
                    let levels = joined(levels, ", ", |level, count| format!("{level}: {count}"));
                    format!(", {reason}={{ {levels} }}")
                });
                let time = Millis::default().text(time).map(char::from);
                format!("Time: {} | Event: message={message}{counts}", String::from_iter(time))
            }
        }
    }
}

/// The joined texts of all reasons for which something was dropped.
fn counts(stats: &Stats, spell: impl Fn(&str, &[(Level, u64)]) -> String) -> String {
    Reason::ALL
        .into_iter()
        .map(|reason| (reason.name(), stats.dropped_by_level(reason)))
        .filter(|(_, levels)| !levels.is_empty())
        .map(|(reason, levels)| spell(reason, &levels))
        .collect()
}

fn joined(levels: &[(Level, u64)], between: &str, spell: impl Fn(&str, u64) -> String) -> String {
    let texts: Vec<_> = levels.iter().map(|(level, count)| spell(level.name(), *count)).collect();
    texts.join(between)
}
