//! Files in TOML.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// What a text in TOML says.
///
/// # Errors
/// What is wrong, in one line that begins with the number of the text's.
pub(crate) fn toml<T: de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{place}{}", error.message())
    })
}

/// A duration in the form that flags have.
pub(crate) fn duration_of<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    super::duration(&String::deserialize(from)?).map_err(de::Error::custom)
}

/// The same where it may be missing.
pub(crate) fn optional_duration_of<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration_of(from).map(Some)
}
