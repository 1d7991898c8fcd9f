//! The names of streams and runs, and the range of sequence numbers.

/// The limit of message numbers: every JSON reader represents the numbers below it exactly (contract, section 5).
pub const SEQ_END: u64 = 1 << 53;

/// The limit of the length of stream and run names.
const NAME_BYTES_MAX: usize = 64;

/// Returns true if a text is a valid name of a stream or a run. Names occur in headers, keys, file names and logs, so
/// they are restricted to 1 to 64 letters, digits, dashes, underscores, dots and colons.
pub fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        for name in ["r", "nightly-2.1:a_B", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for text in ["", "a/b", "a b", "a\r\nb", "\u{fc}", "\u{1b}[2J", &"x".repeat(65)] {
            assert!(!is_name(text), "{text:?}");
        }
    }
}
