//! TOML files.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tradesim_schemas::parse_duration;

/// Parses a TOML text.
///
/// # Errors
/// Returns the problem as one line of text that begins with the line number.
pub fn from_toml<T: de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{place}{}", error.message())
    })
}

/// Deserializes a duration in the form that flags have.
///
/// # Errors
/// Returns an error for a value that is not a text, or not a duration.
pub fn duration_of<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(from)?).map_err(de::Error::custom)
}

/// Deserializes an optional duration in the form that flags have.
///
/// # Errors
/// Returns an error for a value that is not a text, or not a duration.
pub fn optional_duration_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration_of(from).map(Some)
}
