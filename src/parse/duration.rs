//! Durations.

use std::time::Duration;

use super::Invalid;

const FORMS: Invalid = Invalid::expected(
    "a duration such as 500ms, 30s, 2.5s, 5m or 1h30m (a number without a unit is seconds)",
);

/// Parses a duration: numbers with the units `ms`, `s`, `m` and `h`, one after the other, or a single number of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Invalid> {
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
            _ => return Err(FORMS),
        };
        let part = scaled(number, unit_micros).ok_or(FORMS)?;
        micros = micros.checked_add(part).ok_or(FORMS)?;
        rest = tail;
    }
    if text.is_empty() { Err(FORMS) } else { Ok(Duration::from_micros(micros)) }
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

/// Parses the mean length of a random burst.
pub(crate) fn burst_duration(text: &str) -> Result<Duration, Invalid> {
    within(text, 1, 3_600, "a number of seconds, or a duration such as 10s, from 1 s to 1 h")
}

/// Parses the mean time between random bursts.
pub(crate) fn burst_interval(text: &str) -> Result<Duration, Invalid> {
    within(text, 1, 86_400, "a number of seconds, or a duration such as 60s, from 1 s to 24 h")
}

fn within(text: &str, min_s: u64, max_s: u64, expected: &'static str) -> Result<Duration, Invalid> {
    let range = Duration::from_secs(min_s)..=Duration::from_secs(max_s);
    duration(text).ok().filter(|value| range.contains(value)).ok_or(Invalid::expected(expected))
}
