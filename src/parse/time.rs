//! Points in time: absolute, or by the exchange's clock on the day of the archive.

use chrono::{DateTime, NaiveTime, Timelike};
use tradesim_schemas::Timestamp;

use super::Invalid;

/// A point in time as the command line states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeSpec {
    /// An instant.
    Instant(Timestamp),
    /// Eastern time on the trading date.
    Exchange(NaiveTime),
}

const FORMS: Invalid =
    Invalid::expected("a time as 09:30, 09:30:15.250 (exchange time) or 2026-02-18T14:30:00Z (RFC 3339)");

/// RFC 3339 with any offset, or exchange time; at most six fractional digits, since nothing finer exists here.
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

/// A time of day by the exchange's clock.
pub(crate) fn clock(text: &str) -> Result<NaiveTime, Invalid> {
    exchange_time(text).ok_or(Invalid::expected("exchange time as 09:30 or 09:30:15.250"))
}

fn exchange_time(text: &str) -> Option<NaiveTime> {
    let form = match text.len() {
        5 => "%H:%M",
        8 => "%H:%M:%S",
        10..=15 => "%H:%M:%S%.f",
        _ => return None,
    };
    // the parser is lenient about widths and signs: digits must stand where digits belong
    let digits_and_marks = text.bytes().enumerate().all(|(at, byte)| match at {
        2 | 5 => byte == b':',
        8 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    let time = NaiveTime::parse_from_str(text, form).ok()?;
    // a leap second has no place on the exchange's clock
    (digits_and_marks && time.nanosecond() < 1_000_000_000).then_some(time)
}
