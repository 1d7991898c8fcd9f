//! Reads a message: any JSON text that follows the contract, section 1.5, into a view that borrows from it.
//!
//! There are two paths. `scan` knows our own layout byte by byte and allocates nothing; at the first byte that differs
//! it gives up, and `general` starts again over `json`, which takes any layout and names what is wrong. Where the scan
//! succeeds both give the same result.
//!
//! Faults are looked for in a fixed order, so that a frame with several has one reason: size, UTF-8, JSON syntax, the top
//! level, duplicate keys, the schema version, unknown and missing envelope keys, the envelope's values in the contract's
//! order, the payload's fields in the contract's order, and with [`ReadOptions::strict`] the market rules.

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

/// How a message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Longer frames, in bytes, are refused unread; 16 MiB by default.
    pub bytes_max: usize,
    /// Whether the market rules are checked as well as the structure.
    pub strict: bool,
}

impl ReadOptions {
    /// The contract's limit of a frame: 16 MiB.
    pub const BYTES_MAX: usize = 16 * 1024 * 1024;
}

impl Default for ReadOptions {
    fn default() -> ReadOptions {
        ReadOptions { bytes_max: ReadOptions::BYTES_MAX, strict: false }
    }
}

/// Reads one frame.
///
/// Memory stays within a small multiple of the frame's length, and the stack within [`DEPTH_MAX`] levels.
///
/// # Errors
/// A frame that breaks the contract, with a stable reason and a text that names field and value.
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
