//! Numbers with their ranges, and booleans.

use std::{num::NonZeroUsize, str::FromStr};

use super::Invalid;

pub(super) fn within<T: FromStr + PartialOrd>(
    text: &str,
    min: T,
    max: T,
    expected: &'static str,
) -> Result<T, Invalid> {
    // `FromStr` of integers accepts a leading plus, which none of the forms below has
    let value = if text.starts_with('+') { None } else { text.parse::<T>().ok() };
    value.filter(|value| *value >= min && *value <= max).ok_or(Invalid::expected(expected))
}

/// Parses an order rate: orders per second over all symbols where the multiplier is 1.
pub(crate) fn rate(text: &str) -> Result<u32, Invalid> {
    within(text, 1, 10_000, "a whole number of orders per second, 1 to 10000")
}

/// Parses the number of simulated symbols.
pub(crate) fn symbol_count(text: &str) -> Result<u16, Invalid> {
    within(text, 1, 50, "a number of symbols, 1 to 50")
}

/// Parses the seed of a simulation.
pub(crate) fn seed(text: &str) -> Result<u64, Invalid> {
    within(text, 0, u64::MAX, "a whole number from 0 to 18446744073709551615")
}

/// Parses the multiplier of the order rate in a burst; "20x" equals "20".
pub(crate) fn burst_multiplier(text: &str) -> Result<f64, Invalid> {
    within(text.strip_suffix('x').unwrap_or(text), 2.0, 100.0, "a number from 2 to 100")
}

/// Parses a TCP port.
pub(crate) fn port(text: &str) -> Result<u16, Invalid> {
    within(text, 0, u16::MAX, "a port number, 0 to 65535")
}

/// Parses a number of messages.
pub(crate) fn limit(text: &str) -> Result<u64, Invalid> {
    within(text, 0, u64::MAX, "a whole number of messages, 0 or more")
}

/// Parses a number of threads.
pub(crate) fn threads(text: &str) -> Result<NonZeroUsize, Invalid> {
    let threads = within(text, 1, 256, "a number of threads, 1 to 256")?;
    Ok(NonZeroUsize::new(threads).expect("at least 1"))
}

/// Parses the number of times that something is played.
pub(crate) fn rounds(text: &str) -> Result<u64, Invalid> {
    within(text, 1, 1_000_000_000, "a number of rounds, 1 to 1000000000")
}

/// Parses a maximum number of clients.
pub(crate) fn clients(text: &str) -> Result<usize, Invalid> {
    within(text, 1, 65_535, "a number of clients, 1 to 65535")
}

/// Parses the number of clients to wait for.
pub(crate) fn waited_clients(text: &str) -> Result<usize, Invalid> {
    within(text, 0, 65_535, "a number of clients, 0 to 65535")
}

/// Parses a boolean, in the forms that settings files use.
pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Invalid::expected("true or false")),
    }
}
