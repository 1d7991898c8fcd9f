//! Names that are chosen freely.

use super::Invalid;

/// The name of a run.
pub(crate) fn run_name(text: &str) -> Result<String, Invalid> {
    if tradesim_bridge::core::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("a name of 1 to 64 letters, digits, dashes, underscores, dots and colons"))
    }
}

/// A host by which a server may be called; a port behind it is of no account.
pub(crate) fn allowed_host(text: &str) -> Result<String, Invalid> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']');
    if (1..=253).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("a host as replay, charts.example.org or 192.0.2.7"))
    }
}
