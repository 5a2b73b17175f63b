//! The time of an entry: read when the entry is emitted, formatted when it is written.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::memory::to_usize;

/// Nanoseconds since 1970. A clock that is set before 1970 gives 0, one behind the year 2554 the largest number.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Formats times. It keeps the text of the last second, because most times are in the same second as the
/// one before.
#[derive(Debug, Clone)]
pub struct Millis {
    second: u64,
    text: [u8; 24],
}

impl Default for Millis {
    fn default() -> Self {
        Self { second: u64::MAX, text: *b"0000-00-00T00:00:00.000Z" }
    }
}

impl Millis {
    /// RFC 3339 in UTC with milliseconds, `2026-01-02T03:04:05.678Z`, of nanoseconds since 1970.
    pub fn text(&mut self, nanos: u64) -> &[u8; 24] {
        let millis = nanos / 1_000_000;
        let second = millis / 1000;
        if second != self.second {
            self.second = second;
            self.format_second();
        }
        digits(&mut self.text[20..23], millis % 1000);
        &self.text
    }

    fn format_second(&mut self) {
        let (days, second_of_day) = (self.second / 86_400, self.second % 86_400);
        let (year, month, day) = civil(days);
        let text = &mut self.text;
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], second_of_day / 3600);
        digits(&mut text[14..16], second_of_day / 60 % 60);
        digits(&mut text[17..19], second_of_day % 60);
    }
}

fn digits(field: &mut [u8], mut number: u64) {
    for place in field.iter_mut().rev() {
        *place = b"0123456789"[to_usize(number % 10)];
        number /= 10;
    }
}

/// Year, month and day of a day since 1970, in eras of 400 years that start on 1 March:
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}
