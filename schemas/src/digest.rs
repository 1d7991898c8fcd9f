//! The content digest: what makes two recordings the same.

use std::{fmt, str::FromStr};

/// A BLAKE3 hash of content, printed as `blake3:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the hex digits.
    pub const PREFIX: &str = "blake3:";

    /// A digest from its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// BLAKE3 of `bytes` as they are.
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

/// The text is not `blake3:` and 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: `blake3:` and 64 lower-case hex digits are expected")]
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

/// The running digest of a stream of messages (contract, section 3): BLAKE3 over the messages in order, each as its
/// length in bytes (u32, little-endian) and then its bytes.
///
/// Messages are gathered into blocks before they are hashed, because BLAKE3 is several times faster on long inputs.
#[derive(Clone, Debug)]
pub struct ContentDigest {
    hasher: blake3::Hasher,
    block: Vec<u8>,
    messages: u64,
}

/// Bytes that are gathered before they are hashed; BLAKE3's widest kernels want at least 16 KiB at once, and the
/// block should stay in the second-level cache.
const BLOCK_BYTES: usize = 128 * 1024;

impl ContentDigest {
    /// The digest of no message.
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
    /// On a message of 4 GiB or more, which the length prefix cannot state.
    pub fn push(&mut self, message: &[u8]) {
        let len = u32::try_from(message.len()).expect("messages are far below 4 GiB");
        self.block.extend_from_slice(&len.to_le_bytes());
        self.block.extend_from_slice(message);
        self.pushed();
    }

    /// Adds the message that `write` appends to the buffer it is given, which spares a copy.
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
            // whole blocks only: each is a complete subtree of BLAKE3, hashed at full width, where an odd length would
            // leave a part of a chunk and split every block that follows into small subtrees
            let whole = self.block.len() / BLOCK_BYTES * BLOCK_BYTES;
            for block in self.block[..whole].chunks_exact(BLOCK_BYTES) {
                self.hasher.update(block);
            }
            self.block.drain(..whole);
        }
    }

    /// Messages added so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The digest of all messages added so far.
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
