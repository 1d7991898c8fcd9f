//! Durations as people write them in flags, settings and TOML files.

use std::time::Duration;

/// The error of a text that is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as 500ms, 30s, 2.5s, 5m or 1h30m (a number without a unit is seconds)")]
pub struct ParseDurationError;

/// Parses a duration: numbers with the units `ms`, `s`, `m` and `h`, one after the other, or a single number of seconds.
///
/// # Errors
/// Returns an error for any other text, and for a duration that is not a whole number of microseconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    micros(text).map(Duration::from_micros).ok_or(ParseDurationError)
}

fn micros(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut micros = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit_micros = match unit {
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "" if number.len() == text.len() => 1_000_000,
            _ => return None,
        };
        micros = micros.checked_add(scaled(number, unit_micros)?)?;
        rest = tail;
    }
    Some(micros)
}

/// Returns `number` times `unit`, exactly, or `None` if the product is not a whole number of microseconds.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') || fraction.len() > 9 {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if !fraction.is_empty() {
        let scale = 10u64.pow(fraction.len() as u32);
        let part = fraction.parse::<u64>().ok()?.checked_mul(unit)?;
        if !part.is_multiple_of(scale) {
            return None;
        }
        value = value.checked_add(part / scale)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, micros) in [
            ("500ms", 500_000),
            ("30s", 30_000_000),
            ("30", 30_000_000),
            ("2.5", 2_500_000),
            ("2.5s", 2_500_000),
            ("5m", 300_000_000),
            ("1h30m", 5_400_000_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for text in
            ["", "s", "5 s", "-5s", "5d", "1h30", "1.2.3s", ".5s", "5.s", "0.0000001s", "99999999999999999h"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
