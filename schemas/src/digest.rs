//! The content digest, which decides whether two recordings are equal, and the hash of stored bytes.

mod tree;

use std::{fmt, str::FromStr};

pub use tree::{Piece, PieceError, SliceHasher, Subtree};

/// The content digest of a sequence of messages (contract, section 3), printed as `blake3:` and 64 hex digits. Equal digests
/// mean equal messages. [`ContentHasher`] computes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentDigest([u8; 32]);

/// The BLAKE3 hash of stored bytes, such as a row group or a file, printed in the same way. Equal
/// messages may be stored as different bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteHash([u8; 32]);

/// The prefix of the hex digits of a [`ContentDigest`] and of a [`ByteHash`].
pub const DIGEST_PREFIX: &str = "blake3:";

/// The error of a text that is not `blake3:` and 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: expected `blake3:` and 64 lower-case hex digits")]
pub struct ParseDigestError;

macro_rules! forms {
    ($($type:ident)+) => {
        $(impl $type {
            /// Returns its 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{DIGEST_PREFIX}{}", blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<$type, ParseDigestError> {
                let hex = text.strip_prefix(DIGEST_PREFIX).ok_or(ParseDigestError)?;
                if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err(ParseDigestError);
                }
                let hash = blake3::Hash::from_hex(hex).map_err(|_| ParseDigestError)?;
                Ok($type(*hash.as_bytes()))
            }
        })+
    };
}

forms!(ContentDigest ByteHash);

impl ContentDigest {
    /// Returns the content digest of `messages`.
    pub fn of<T: AsRef<[u8]>>(messages: impl IntoIterator<Item = T>) -> ContentDigest {
        let mut hasher = ContentHasher::new();
        messages.into_iter().for_each(|message| hasher.push(message.as_ref()));
        hasher.finish()
    }
}

impl ByteHash {
    /// Returns the hash of `bytes`.
    pub fn of(bytes: &[u8]) -> ByteHash {
        ByteHash::from(blake3::hash(bytes))
    }
}

impl From<blake3::Hash> for ByteHash {
    fn from(hash: blake3::Hash) -> ByteHash {
        ByteHash(*hash.as_bytes())
    }
}

/// Computes the content digest of a sequence of messages (contract, section 3): BLAKE3 over the messages in order, each
/// as its length in bytes (u32, little-endian) followed by its bytes.
///
/// Messages are collected into blocks before they are hashed, because BLAKE3 is several times faster on long inputs.
#[derive(Clone, Debug)]
pub struct ContentHasher {
    hasher: blake3::Hasher,
    block: Vec<u8>,
    /// The length of a block in bytes.
    block_bytes: usize,
    messages: u64,
}

/// Bytes that are collected before they are hashed. BLAKE3's widest kernels need at least 16 KiB at once, and the block
/// should stay in the second-level cache.
const BLOCK_BYTES: usize = 128 * 1024;

/// The same for one of many digests: the fewest bytes for the widest kernels, so that fifty buffers stay in the cache, too.
const KEY_BLOCK_BYTES: usize = 16 * 1024;

impl ContentHasher {
    /// Starts the digest of an empty sequence.
    pub fn new() -> ContentHasher {
        ContentHasher {
            hasher: blake3::Hasher::new(),
            block: Vec::with_capacity(BLOCK_BYTES + 1024),
            block_bytes: BLOCK_BYTES,
            messages: 0,
        }
    }

    /// Starts the digest of an empty sequence with a small buffer: for a digest that is one of many.
    pub fn of_key() -> ContentHasher {
        let hasher = blake3::Hasher::new();
        ContentHasher { hasher, block: Vec::new(), block_bytes: KEY_BLOCK_BYTES, messages: 0 }
    }

    /// Adds one message with the length before it, as [`append_message`] appends it.
    #[inline]
    pub fn push_appended(&mut self, message: &[u8]) {
        self.block.extend_from_slice(message);
        self.pushed();
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
        append_message(&mut self.block, write);
        self.pushed();
    }

    #[inline]
    fn pushed(&mut self) {
        self.messages += 1;
        if self.block.len() >= self.block_bytes {
            // whole blocks only: each is a complete subtree of BLAKE3 and is hashed at full width, whereas an odd length
            // would leave a partial chunk and split all later blocks into small subtrees
            let whole = self.block.len() / self.block_bytes * self.block_bytes;
            for block in self.block[..whole].chunks_exact(self.block_bytes) {
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
    pub fn finish(&self) -> ContentDigest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.block);
        ContentDigest(*hasher.finalize().as_bytes())
    }
}

/// Appends the message that `write` appends, after its length, as the content digest covers it.
///
/// # Panics
/// Panics if the message has 4 GiB or more, which does not fit into the length prefix.
#[inline]
pub fn append_message(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let len = u32::try_from(out.len() - start - 4).expect("messages are far below 4 GiB");
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

impl Default for ContentHasher {
    fn default() -> ContentHasher {
        ContentHasher::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_blake3_over_lengths_and_texts() {
        let mut digest = ContentHasher::new();
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
        assert_eq!(digest.finish(), ContentDigest(*blake3::hash(&plain).as_bytes()));
        assert_eq!(digest.messages(), 5000);
    }

    #[test]
    fn no_message_has_the_digest_of_nothing() {
        let empty = "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(ContentHasher::new().finish().to_string(), empty);
        assert_eq!(empty.parse::<ContentDigest>().unwrap(), ContentDigest::of([""; 0]));
    }

    #[test]
    fn only_the_printed_form_is_read() {
        for text in
            ["", "blake3:", "blake3:AF1349B9F5F9A1A6A0404DEA36DCC9499BCB25C9ADC112B7CC9A93CAE41F3262", "af13"]
        {
            assert_eq!(text.parse::<ContentDigest>(), Err(ParseDigestError));
        }
    }
}
