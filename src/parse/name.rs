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
