//! Instants: UTC microseconds since the Unix epoch.

mod spec;

use std::fmt;

pub use spec::{ExchangeTime, ParseExchangeTimeError, ParseTimeSpecError, TimeSpec};

/// An instant in UTC microseconds since the Unix epoch, within the years 0001 to 9999: the range that RFC 3339 can express
/// and that every consumer's calendar supports (Python's begins with year 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
const DAY: i64 = 86_400 * SECOND;

impl Timestamp {
    /// 0001-01-01T00:00:00.000000Z.
    pub const MIN: Timestamp = Timestamp(-62_135_596_800 * SECOND);
    /// 9999-12-31T23:59:59.999999Z.
    pub const MAX: Timestamp = Timestamp(253_402_300_800 * SECOND - 1);
    /// The length in bytes of the text that [`Timestamp::write`] appends.
    pub const TEXT_LEN: usize = 27;

    /// Creates an instant from microseconds since the epoch, or returns `None` outside the years 0001 to 9999.
    pub const fn from_micros(micros: i64) -> Option<Timestamp> {
        if micros >= Timestamp::MIN.0 && micros <= Timestamp::MAX.0 { Some(Timestamp(micros)) } else { None }
    }

    /// Returns the microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Appends RFC 3339 with six fractional digits and `Z`: "2026-02-18T14:30:00.000000Z".
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text());
    }

    /// Returns the text that [`Timestamp::write`] appends.
    pub fn text(self) -> [u8; Timestamp::TEXT_LEN] {
        let two = crate::digits::two;
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let in_day = self.0.rem_euclid(DAY);
        let seconds = (in_day / SECOND) as u32;
        let micros = (in_day % SECOND) as u32;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |at: usize, value: u32| text[at..at + 2].copy_from_slice(&two(value));
        put(0, year / 100);
        put(2, year % 100);
        put(5, month);
        put(8, day);
        put(11, seconds / 3600);
        put(14, seconds / 60 % 60);
        put(17, seconds % 60);
        put(20, micros / 10_000);
        put(22, micros / 100 % 100);
        put(24, micros % 100);
        text
    }

    /// Parses RFC 3339 in UTC: `Z` or `+00:00`, with 0 to 6 fractional digits.
    ///
    /// # Errors
    /// Returns an error for any other text, a date that does not exist, the year 0000, and a leap second (:60), which
    /// microseconds since the epoch cannot express.
    pub fn parse(text: &[u8]) -> Result<Timestamp, ParseTimestampError> {
        parse(text).ok_or(ParseTimestampError)
    }
}

/// The error of a text that is not an RFC 3339 time in UTC with at most six fractional digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an RFC 3339 time in UTC with at most six fractional digits and a year of 0001 to 9999, for example 2026-02-18T14:30:00.000000Z"
)]
pub struct ParseTimestampError;

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (micros, offset) = local_time(text)?;
    matches!(offset, b"Z" | b"+00:00").then(|| Timestamp::from_micros(micros))?
}

/// Parses RFC 3339 with any offset, and `t` and `z` in lower case.
fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
    let (micros, offset) =
        local_time(&text.to_ascii_uppercase()).map(|(micros, offset)| (micros, offset_minutes(offset)))?;
    Timestamp::from_micros(micros - offset? * 60 * SECOND)
}

/// Parses an offset from UTC in minutes: `Z` or `-05:00`.
fn offset_minutes(text: &[u8]) -> Option<i64> {
    let digit = |at: usize| text[at].is_ascii_digit().then(|| i64::from(text[at] - b'0'));
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digit(1)? * 10 + digit(2)?, digit(4)? * 10 + digit(5)?);
            let minutes = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
            Some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

/// Parses date and time of RFC 3339. Returns its microseconds since the epoch as if it were UTC, and the text that follows.
fn local_time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (head, mut rest) = text.split_first_chunk::<19>()?;
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] = head else { return None };
    let two = |at: usize| digits(&head[at..at + 2]);
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let mut micros = 0;
    if let [b'.', fraction @ ..] = rest {
        let len = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=6).contains(&len) {
            return None;
        }
        micros = digits(&fraction[..len])?;
        for _ in len..6 {
            micros *= 10;
        }
        rest = &fraction[len..];
    }
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some((seconds * SECOND + i64::from(micros), rest))
}

/// Returns the number that a text of at most nine decimal digits states.
#[inline]
fn digits(text: &[u8]) -> Option<u32> {
    text.iter()
        .try_fold(0u32, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.text()).expect("a time is written in ASCII"))
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 of a date in the proleptic Gregorian calendar. Years are counted from March, so that
/// the leap day is the last day of its year.
fn days_from_civil(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = (i64::from(year), i64::from(month));
    let march_year = if month <= 2 { year - 1 } else { year };
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns year, month and day: the inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_written_and_read_back() {
        for (text, micros) in [
            ("1970-01-01T00:00:00.000000Z", 0),
            ("2026-02-18T14:30:00.000001Z", 1_771_425_000_000_001),
            ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("0001-01-01T00:00:00.000000Z", Timestamp::MIN.0),
            ("9999-12-31T23:59:59.999999Z", Timestamp::MAX.0),
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), Ok(Timestamp(micros)));
            assert_eq!(Timestamp(micros).to_string(), text);
        }
    }

    #[test]
    fn every_day_of_eight_centuries_survives_the_round_trip() {
        for days in days_from_civil(1600, 1, 1)..days_from_civil(2400, 1, 1) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in_month(year, month)).contains(&day));
        }
    }

    #[test]
    fn shorter_fractions_and_a_zero_offset_are_read() {
        let expected = Timestamp(1_771_425_000_500_000);
        for text in ["2026-02-18T14:30:00.5Z", "2026-02-18T14:30:00.500+00:00", "2026-02-18T14:30:00.500000Z"]
        {
            assert_eq!(Timestamp::parse(text.as_bytes()), Ok(expected));
        }
        assert_eq!(Timestamp::parse(b"2026-02-18T14:30:00Z"), Ok(Timestamp(1_771_425_000_000_000)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-02-18",
            "2026-02-18T14:30:00",
            "2026-02-18T14:30:00.Z",
            "2026-02-18T14:30:00.1234567Z",
            "2026-02-18t14:30:00z",
            "2026-02-18 14:30:00Z",
            "2026-02-18T14:30:00-00:00",
            "2026-02-18T14:30:00+01:00",
            "2026-02-29T14:30:00Z",
            "2026-13-18T14:30:00Z",
            "2026-00-18T14:30:00Z",
            "2026-02-00T14:30:00Z",
            "2026-02-18T24:00:00Z",
            "2026-02-18T14:60:00Z",
            "2026-12-31T23:59:60Z",
            "2026-02-18T14:30:00ZZ",
            "+026-02-18T14:30:00Z",
            "2026-02-18T14:30:00.5é",
            "0000-01-01T00:00:00.000000Z",
            "0000-12-31T23:59:59.999999Z",
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), Err(ParseTimestampError), "{text}");
        }
    }
}
