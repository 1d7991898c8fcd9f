//! Reads a message: parses any JSON text that follows section 1.5 of the contract into a view that borrows from it.
//!
//! There are two paths. `scan` accepts only the layout that tradesim writes, byte by byte, and allocates nothing. At the
//! first byte that differs it stops, and `general` starts again on top of `json`, which accepts any layout and reports
//! what is wrong. Where `scan` succeeds, both return the same result.
//!
//! Errors are checked in a fixed order, so that a frame with several errors always has the same reason: size, UTF-8, JSON
//! syntax, the top level, duplicate keys, the schema version, unknown and missing envelope keys, the envelope's values in
//! the contract's order, the payload's fields in the contract's order, and with [`ReadOptions::strict`] the market rules.

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod general;
mod json;
mod message;
mod refusal;
mod scan;
#[cfg(test)]
mod tests;

pub use json::DEPTH_MAX;
pub use message::{MarketDataMessage, Message, OrderBookMessage, Payload, TradeMessage};
pub use refusal::{Reason, Refusal};

/// The options of [`read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The maximum length of a frame in bytes; longer ones are refused without being parsed. 16 MiB by default.
    pub bytes_max: usize,
    /// Also checks the market rules, not only the structure. Off by default.
    pub strict: bool,
}

impl ReadOptions {
    /// The contract's limit for a frame: 16 MiB.
    pub const BYTES_MAX: usize = 16 * 1024 * 1024;
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions { bytes_max: ReadOptions::BYTES_MAX, strict: false }
    }
}

/// Reads one frame.
///
/// Memory is bounded by a small multiple of the frame's length, and recursion by [`DEPTH_MAX`] levels.
///
/// # Errors
/// Returns a [`Refusal`] if the frame violates the contract: a stable reason, and a text that names the field and value.
pub fn read(frame: &[u8], options: ReadOptions) -> Result<Message<'_>, Refusal> {
    if frame.len() > options.bytes_max {
        return Err(Refusal::too_large(frame.len(), options.bytes_max));
    }
    let message = match scan::message(frame) {
        Some(message) => message,
        None => general::message(frame)?,
    };
    if options.strict {
        message.check_market_rules()?;
    }
    Ok(message)
}
