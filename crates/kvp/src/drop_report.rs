//! The report of what was dropped, which ends what a channel wrote.

use crate::clock::Millis;
use crate::frame::{Format, Level};
use crate::stats::{Reason, Stats};

/// Its name; azure-init's layout has the target in front.
pub(crate) fn name(format: Format) -> &'static [u8] {
    match format {
        Format::Diag => b"telemetry:dropped",
        Format::AzureInit => b"kvp_tracing:telemetry:dropped",
    }
}

/// Its payload, at `time` in nanoseconds since 1970.
pub(crate) fn payload(stats: &Stats, format: Format, time: u64) -> String {
    let message = format!("{} records dropped", stats.dropped_in_all());
    match format {
        Format::Diag => {
            let counts = counts(stats, |reason, levels| {
                let levels = joined(levels, ",", |level, count| format!("\"{level}\":{count}"));
                format!(",\"{reason}\":{{{levels}}}")
            });
            format!(r#"{{"target":"kvp_tracing","level":"WARN","fields":{{"message":"{message}"{counts}}}}}"#)
        }
        Format::AzureInit => {
            let counts = counts(stats, |reason, levels| {
                let levels = joined(levels, ", ", |level, count| format!("{level}: {count}"));
                format!(", {reason}={{ {levels} }}")
            });
            let time = Millis::default().text(time).map(char::from);
            format!("Time: {} | Event: message={message}{counts}", String::from_iter(time))
        }
    }
}

/// What each reason for which anything was dropped is spelled as, one behind the other.
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
