//! Times as people write them: instants, or exchange time on a date that is known from elsewhere.

use std::{fmt, str::FromStr};

use super::{SECOND, Timestamp, parse_rfc3339};

/// A time of day on the clocks of the exchange, in New York.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeTime {
    micros: i64,
}

impl ExchangeTime {
    /// Returns the microseconds since midnight.
    pub fn micros(self) -> i64 {
        self.micros
    }
}

/// A point in time: an instant, or a time of day on a trading date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSpec {
    /// An instant.
    Instant(Timestamp),
    /// A time of day, on the date of the recording or stream that it refers to.
    Exchange(ExchangeTime),
}

/// The error of a text that is not a [`TimeSpec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 09:30, 09:30:15.250 (exchange time) or 2026-02-18T14:30:00Z (RFC 3339)")]
pub struct ParseTimeSpecError;

/// The error of a text that is not an [`ExchangeTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected exchange time such as 09:30 or 09:30:15.250")]
pub struct ParseExchangeTimeError;

/// Parses RFC 3339 with any offset, or exchange time, with at most six fractional digits.
impl FromStr for TimeSpec {
    type Err = ParseTimeSpecError;

    fn from_str(text: &str) -> Result<TimeSpec, ParseTimeSpecError> {
        let is_instant = text.as_bytes().get(10).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'T'));
        let time = if is_instant {
            parse_rfc3339(text.as_bytes()).map(TimeSpec::Instant)
        } else {
            text.parse().ok().map(TimeSpec::Exchange)
        };
        time.ok_or(ParseTimeSpecError)
    }
}

/// Parses `09:30`, `09:30:15` or `09:30:15.250`.
impl FromStr for ExchangeTime {
    type Err = ParseExchangeTimeError;

    fn from_str(text: &str) -> Result<ExchangeTime, ParseExchangeTimeError> {
        exchange_time(text.as_bytes()).ok_or(ParseExchangeTimeError)
    }
}

fn exchange_time(text: &[u8]) -> Option<ExchangeTime> {
    // the same text within a date has the same digits, range and fraction
    let with_seconds: &[u8] = if text.len() == 5 { b":00" } else { b"" };
    let instant = parse_rfc3339(&[b"1970-01-01T", text, with_seconds, b"Z"].concat())?;
    Some(ExchangeTime { micros: instant.micros() })
}

/// Writes the shortest form: `09:30`, `09:30:15.25`, `2026-02-18T14:30:00Z`.
impl fmt::Display for TimeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TimeSpec::Instant(at) => {
                let text = at.to_string();
                write!(f, "{}Z", text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.'))
            }
            TimeSpec::Exchange(time) => time.fmt(f),
        }
    }
}

impl fmt::Display for ExchangeTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.micros / SECOND, self.micros % SECOND);
        write!(f, "{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)?;
        if seconds % 60 != 0 || micros != 0 {
            write!(f, ":{:02}", seconds % 60)?;
        }
        if micros != 0 {
            write!(f, ".{}", format!("{micros:06}").trim_end_matches('0'))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exchange_time_or_rfc_3339() {
        let clock = |h: i64, m: i64, s: i64, micros: i64| {
            Ok(TimeSpec::Exchange(ExchangeTime { micros: ((h * 60 + m) * 60 + s) * SECOND + micros }))
        };
        let instant = |text: &str| Ok(TimeSpec::Instant(Timestamp::parse(text.as_bytes()).unwrap()));
        for (text, expected, shortest) in [
            ("09:30", clock(9, 30, 0, 0), "09:30"),
            ("09:30:00", clock(9, 30, 0, 0), "09:30"),
            ("09:30:15", clock(9, 30, 15, 0), "09:30:15"),
            ("09:30:15.250", clock(9, 30, 15, 250_000), "09:30:15.25"),
            ("09:30:00.000001", clock(9, 30, 0, 1), "09:30:00.000001"),
            ("23:59:59.999999", clock(23, 59, 59, 999_999), "23:59:59.999999"),
            ("2026-02-18T14:30:00Z", instant("2026-02-18T14:30:00.000000Z"), "2026-02-18T14:30:00Z"),
            ("2026-02-18t14:30:00.50z", instant("2026-02-18T14:30:00.500000Z"), "2026-02-18T14:30:00.5Z"),
            ("2026-02-18T09:30:00.5-05:00", instant("2026-02-18T14:30:00.5Z"), "2026-02-18T14:30:00.5Z"),
            ("2026-02-19T00:15:00+09:45", instant("2026-02-18T14:30:00Z"), "2026-02-18T14:30:00Z"),
            ("2026-02-18T14:30:00-00:00", instant("2026-02-18T14:30:00Z"), "2026-02-18T14:30:00Z"),
        ] {
            let time: Result<TimeSpec, _> = text.parse();
            assert_eq!(time, expected, "{text}");
            assert_eq!(time.unwrap().to_string(), shortest);
            assert_eq!(shortest.parse(), time);
        }
        for text in [
            "",
            "9:30",
            "09:30:",
            "09:30:15.",
            "09:30:15.1234567",
            "24:00",
            "09:30:60",
            "09-30",
            "09:30Z",
            "09:30:15Z",
            "2026-02-18",
            "2026-02-18T14:30:00",
            "2026-02-18T14:30Z",
            "2026-02-18T14:30:60Z",
            "2026-02-18T14:30:00.1234567Z",
            "2026-02-18T14:30:00+24:00",
            "2026-02-18T14:30:00+09:60",
            "2026-02-18T14:30:00+0900",
            "0001-01-01T00:00:00+00:01",
        ] {
            assert_eq!(text.parse::<TimeSpec>(), Err(ParseTimeSpecError), "{text}");
        }
        assert!("2026-02-18T14:30:00Z".parse::<ExchangeTime>().is_err());
    }
}
