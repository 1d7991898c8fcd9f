//! The content digest, which decides whether two recordings are equal.

use std::{fmt, str::FromStr};

/// A BLAKE3 hash, printed as `blake3:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The prefix of the hex digits.
    pub const PREFIX: &str = "blake3:";

    /// Creates a digest from its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the BLAKE3 hash of `bytes`. This is a byte hash, not a content digest: see [`ContentDigest`].
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Digest::PREFIX, blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error of a text that is not `blake3:` and 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected `blake3:` and 64 lower-case hex digits")]
pub struct ParseDigestError;

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Digest, ParseDigestError> {
        let hex = text.strip_prefix(Digest::PREFIX).ok_or(ParseDigestError)?;
        if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ParseDigestError);
        }
        let hash = blake3::Hash::from_hex(hex).map_err(|_| ParseDigestError)?;
        Ok(Digest(*hash.as_bytes()))
    }
}

/// Computes the content digest of a sequence of messages (contract, section 3): BLAKE3 over the messages in order, each
/// as its length in bytes (u32, little-endian) followed by its bytes.
///
/// Messages are collected into blocks before they are hashed, because BLAKE3 is several times faster on long inputs.
#[derive(Clone, Debug)]
pub struct ContentDigest {
    hasher: blake3::Hasher,
    block: Vec<u8>,
    messages: u64,
}

/// Bytes that are collected before they are hashed. BLAKE3's widest kernels need at least 16 KiB at once, and the block
/// should stay in the second-level cache.
const BLOCK_BYTES: usize = 128 * 1024;

impl ContentDigest {
    /// Starts the digest of an empty sequence.
    pub fn new() -> ContentDigest {
        ContentDigest {
            hasher: blake3::Hasher::new(),
            block: Vec::with_capacity(BLOCK_BYTES + 1024),
            messages: 0,
        }
    }

    /// Adds one message.
    ///
    /// # Panics
    /// Panics if the message has 4 GiB or more, which does not fit into the length prefix.
    pub fn push(&mut self, message: &[u8]) {
        let len = u32::try_from(message.len()).expect("messages are far below 4 GiB");
        self.block.extend_from_slice(&len.to_le_bytes());
        self.block.extend_from_slice(message);
        self.pushed();
    }

    /// Adds the message that `write` appends to the given buffer, which avoids a copy.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.block.len();
        self.block.extend_from_slice(&[0; 4]);
        write(&mut self.block);
        let len = u32::try_from(self.block.len() - start - 4).expect("messages are far below 4 GiB");
        self.block[start..start + 4].copy_from_slice(&len.to_le_bytes());
        self.pushed();
    }

    #[inline]
    fn pushed(&mut self) {
        self.messages += 1;
        if self.block.len() >= BLOCK_BYTES {
            // whole blocks only: each is a complete subtree of BLAKE3 and is hashed at full width, whereas an odd length
            // would leave a partial chunk and split all later blocks into small subtrees
            let whole = self.block.len() / BLOCK_BYTES * BLOCK_BYTES;
            for block in self.block[..whole].chunks_exact(BLOCK_BYTES) {
                self.hasher.update(block);
            }
            self.block.drain(..whole);
        }
    }

    /// Returns the number of messages added so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Returns the digest of all messages added so far. More messages can be added afterwards.
    pub fn finish(&self) -> Digest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.block);
        Digest(*hasher.finalize().as_bytes())
    }
}

impl Default for ContentDigest {
    fn default() -> ContentDigest {
        ContentDigest::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_blake3_over_lengths_and_texts() {
        let mut digest = ContentDigest::new();
        let mut plain = Vec::new();
        for n in 0..5000u32 {
            let message = format!("message {n} {}", "x".repeat(n as usize % 97));
            plain.extend_from_slice(&(message.len() as u32).to_le_bytes());
            plain.extend_from_slice(message.as_bytes());
            if n % 2 == 0 {
                digest.push(message.as_bytes());
            } else {
                digest.push_with(|out| out.extend_from_slice(message.as_bytes()));
            }
        }
        assert_eq!(digest.finish(), Digest::of(&plain));
        assert_eq!(digest.messages(), 5000);
    }

    #[test]
    fn no_message_has_the_digest_of_nothing() {
        let empty = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(ContentDigest::new().finish().to_string(), empty);
        assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
    }

    #[test]
    fn only_the_printed_form_is_read() {
        for text in
            ["", "blake3:", "blake3:AF1349B9F5F9A1A6A0404DEA36DCC9499BCB25C9ADC112B7CC9A93CAE41F3262", "af13"]
        {
            assert_eq!(text.parse::<Digest>(), Err(ParseDigestError));
        }
    }
}
