//! A ticker symbol stored inline, without an allocation.

use std::fmt;

/// A ticker symbol of 1 to 10 characters, in at most 15 bytes of UTF-8.
///
/// Control characters (C0, DEL, C1) are rejected: a symbol is printed in tables, logs and file names. The contract allows
/// any 10 characters; every listed symbol is ASCII and fits. A captured message whose symbol does not fit is stored as a
/// raw frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Symbol {
    bytes: [u8; Symbol::BYTES_MAX],
    len: u8,
}

impl Symbol {
    /// The maximum length in bytes of UTF-8.
    pub const BYTES_MAX: usize = 15;
    /// The maximum number of characters, as the contract defines it.
    pub const CHARS_MAX: usize = 10;

    /// Returns the symbol, or `None` if the text is empty, is too long or contains a control character.
    pub fn new(text: &str) -> Option<Symbol> {
        let len = text.len();
        if len == 0 || len > Symbol::BYTES_MAX {
            return None;
        }
        let is_valid = if text.is_ascii() {
            len <= Symbol::CHARS_MAX && !text.bytes().any(|byte| byte.is_ascii_control())
        } else {
            text.chars().count() <= Symbol::CHARS_MAX && !text.chars().any(char::is_control)
        };
        if !is_valid {
            return None;
        }
        let mut bytes = [0; Symbol::BYTES_MAX];
        bytes[..len].copy_from_slice(text.as_bytes());
        Some(Symbol { bytes, len: len as u8 })
    }

    /// Returns the symbol as text.
    #[inline]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("a symbol is made from a str")
    }

    /// Returns the symbol as UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Returns a key for hash tables: the bytes padded with zeros, with the length in the last byte. Different symbols have
    /// different keys, and keys are compared in one instruction.
    #[inline]
    pub fn key(&self) -> u128 {
        let mut key = [0; 16];
        key[..Symbol::BYTES_MAX].copy_from_slice(&self.bytes);
        key[Symbol::BYTES_MAX] = self.len;
        u128::from_be_bytes(key)
    }

    /// Returns the [`Symbol::key`] of the symbol with these bytes. Other bytes have a key that no symbol has, or none.
    #[inline]
    pub fn key_of(bytes: &[u8]) -> Option<u128> {
        let mut key = [0; 16];
        key.get_mut(..bytes.len()).filter(|_| bytes.len() <= Symbol::BYTES_MAX)?.copy_from_slice(bytes);
        key[Symbol::BYTES_MAX] = bytes.len() as u8;
        Some(u128::from_be_bytes(key))
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialOrd for Symbol {
    #[inline]
    fn partial_cmp(&self, other: &Symbol) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    #[inline]
    fn cmp(&self, other: &Symbol) -> std::cmp::Ordering {
        // the order of the bytes, because no symbol contains the zero that they are padded with
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn a_symbol_has_one_to_ten_characters() {
        assert!(Symbol::new("").is_none());
        assert!(Symbol::new("ABCDEFGHIJK").is_none());
        assert_eq!(Symbol::new("ABCDEFGHIJ").unwrap().as_str(), "ABCDEFGHIJ");
        assert_eq!(Symbol::new("BRK.B").unwrap().to_string(), "BRK.B");
    }

    #[test]
    fn symbols_are_ordered_as_text() {
        let symbol = |text| Symbol::new(text).unwrap();
        assert!(symbol("A") < symbol("AA"));
        assert!(symbol("AA") < symbol("B"));
        assert!(symbol("A").key() != symbol("A ").key());
    }

    #[test]
    fn the_key_of_bytes_is_that_of_their_symbol() {
        for text in ["A", "BRK.B", "ABCDEFGHIJ", "ÄÖÜ日本語"] {
            assert_eq!(
                Symbol::key_of(text.as_bytes()),
                Symbol::new(text).map(|symbol| symbol.key()),
                "{text}"
            );
        }
        assert_ne!(Symbol::key_of(b"A\0"), Symbol::key_of(b"A"));
        assert_eq!((Symbol::key_of(&[b'A'; 15]).is_some(), Symbol::key_of(&[b'A'; 16])), (true, None));
    }

    #[test]
    fn a_symbol_has_no_control_character() {
        for control in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}') {
            assert_eq!(Symbol::new(&format!("A{control}B")), None, "{control:?}");
        }
        assert!(Symbol::new("\u{a0}").is_some());
    }
}
