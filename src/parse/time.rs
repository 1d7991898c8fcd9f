//! Points in time: instants, or exchange time on the date of an archive.

use chrono::{DateTime, NaiveTime, Timelike};
use tradesim_schemas::Timestamp;

use super::Invalid;

/// A point in time as given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeSpec {
    /// An instant.
    Instant(Timestamp),
    /// A time of day in New York, on the trading date.
    Exchange(NaiveTime),
}

const FORMS: Invalid = Invalid::expected(
    "a time such as 09:30, 09:30:15.250 (exchange time) or 2026-02-18T14:30:00Z (RFC 3339)",
);

/// Parses RFC 3339 with any offset, or exchange time, with at most six fractional digits.
pub(crate) fn time(text: &str) -> Result<TimeSpec, Invalid> {
    if text.len() > 10 && text.as_bytes()[10].eq_ignore_ascii_case(&b'T') {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| FORMS)?;
        let micros = instant.timestamp_micros();
        if instant.timestamp_subsec_nanos() >= 1_000_000_000 || instant.timestamp_subsec_nanos() % 1_000 != 0
        {
            return Err(FORMS);
        }
        return Timestamp::from_micros(micros).map(TimeSpec::Instant).ok_or(FORMS);
    }
    exchange_time(text).map(TimeSpec::Exchange).ok_or(FORMS)
}

/// Parses an exchange time.
pub(crate) fn clock(text: &str) -> Result<NaiveTime, Invalid> {
    exchange_time(text).ok_or(Invalid::expected("exchange time such as 09:30 or 09:30:15.250"))
}

fn exchange_time(text: &str) -> Option<NaiveTime> {
    let form = match text.len() {
        5 => "%H:%M",
        8 => "%H:%M:%S",
        10..=15 => "%H:%M:%S%.f",
        _ => return None,
    };
    // the parser of chrono accepts other widths and signs
    let digits_and_marks = text.bytes().enumerate().all(|(at, byte)| match at {
        2 | 5 => byte == b':',
        8 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    let time = NaiveTime::parse_from_str(text, form).ok()?;
    // chrono represents leap seconds with more than 10⁹ nanoseconds
    (digits_and_marks && time.nanosecond() < 1_000_000_000).then_some(time)
}
