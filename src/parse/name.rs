//! Names that users choose.

use super::Invalid;

/// Checks the name of a run.
pub(crate) fn run_name(text: &str) -> Result<String, Invalid> {
    if tradesim_protocol::is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("a name of 1 to 64 letters, digits, dashes, underscores, dots and colons"))
    }
}

/// Checks a host name for which a server answers requests. A port in it is ignored later.
pub(crate) fn allowed_host(text: &str) -> Result<String, Invalid> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']');
    if (1..=253).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("a host such as replay, charts.example.org or 192.0.2.7"))
    }
}
