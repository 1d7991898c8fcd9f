//! Durations with a range.

use std::time::Duration;

use tradesim_schemas::parse_duration;

use super::Invalid;

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
    parse_duration(text).ok().filter(|value| range.contains(value)).ok_or(Invalid::expected(expected))
}
