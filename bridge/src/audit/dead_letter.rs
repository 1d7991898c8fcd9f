//! The original of a dead letter (contract, section 5), read with a reader that is independent of the bridge's.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use tradesim_schemas::{ByteHash, DIGEST_PREFIX};

/// The part of the failed message that the record of a dead letter contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// All of it.
    Whole(Vec<u8>),
    /// The beginning of a message that was too long, its length and its BLAKE3.
    Beginning(Beginning),
}

/// The kept part of a message that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    bytes: Vec<u8>,
    len: u64,
    hash: [u8; 32],
}

impl Beginning {
    /// Returns true if this is the beginning of the message, with its length and its hash.
    pub(super) fn is_of(&self, message: &[u8]) -> bool {
        self.len == message.len() as u64
            && message.starts_with(&self.bytes)
            && self.hash == *ByteHash::of(message).as_bytes()
    }

    /// Returns the hash of the whole message.
    pub(super) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

#[derive(Deserialize)]
struct Layout<'a> {
    #[serde(borrow)]
    original_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    original_value: Cow<'a, str>,
    #[serde(borrow)]
    original_encoding: Cow<'a, str>,
    original_length: Option<u64>,
    #[serde(borrow)]
    original_blake3: Option<Cow<'a, str>>,
}

/// Reads the original out of a record's value, given the record's key.
///
/// # Errors
/// The fault, as text.
pub(super) fn original(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Original, String> {
    let value = value.ok_or("the value is missing")?;
    let layout: Layout<'_> =
        serde_json::from_slice(value).map_err(|error| format!("it is not a dead letter: {error}"))?;
    if layout.original_key.as_deref().map(str::as_bytes) != key {
        return Err("its key differs from the original's".to_owned());
    }
    let bytes = match &*layout.original_encoding {
        "utf8" => layout.original_value.into_owned().into_bytes(),
        "base64" => BASE64_STANDARD
            .decode(layout.original_value.as_bytes())
            .map_err(|error| format!("original_value is not base64: {error}"))?,
        other => return Err(format!("original_encoding is {other:?}")),
    };
    match (layout.original_length, layout.original_blake3) {
        (None, None) => Ok(Original::Whole(bytes)),
        (Some(len), Some(hex)) => {
            let hash: ByteHash = format!("{}{}", DIGEST_PREFIX, hex.trim_start_matches(DIGEST_PREFIX))
                .parse()
                .map_err(|_| format!("original_blake3 is {hex:?}"))?;
            Ok(Original::Beginning(Beginning { bytes, len, hash: *hash.as_bytes() }))
        }
        _ => Err("only one of original_length and original_blake3 is present".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Original, String> {
        original(None, Some(value.as_bytes()))
    }

    #[test]
    fn the_original_is_a_text_or_base64() {
        let text = r#"{"original_topic":null,"original_key":null,"original_value":"{\"a\"","original_encoding":"utf8"}"#;
        assert_eq!(read(text), Ok(Original::Whole(b"{\"a\"".to_vec())));
        let base64 = text.replace(r#"{\"a\""#, "/wD+").replace("utf8", "base64");
        assert_eq!(read(&base64), Ok(Original::Whole(vec![0xff, 0x00, 0xfe])));
    }

    #[test]
    fn a_long_original_is_known_by_beginning_length_and_hash() {
        let message = b"a long message";
        let hash = ByteHash::of(message).to_string();
        for hex in [&hash[..], &hash[DIGEST_PREFIX.len()..]] {
            let value = format!(
                r#"{{"original_value":"a lo","original_encoding":"utf8","original_length":14,"original_blake3":"{hex}"}}"#
            );
            let Ok(Original::Beginning(beginning)) = read(&value) else { panic!("{value}") };
            assert!(beginning.is_of(message));
            assert!(!beginning.is_of(b"a long massage"));
            assert!(!beginning.is_of(b"a long message!"));
        }
    }

    #[test]
    fn what_is_no_dead_letter_is_refused() {
        let good = r#"{"original_key":"A","original_value":"x","original_encoding":"utf8"}"#;
        assert!(original(Some(b"A"), Some(good.as_bytes())).is_ok());
        assert!(original(Some(b"B"), Some(good.as_bytes())).is_err());
        assert!(original(None, None).is_err());
        for value in [
            "",
            "{}",
            r#"{"original_value":"x","original_encoding":"utf7"}"#,
            r#"{"original_value":"?","original_encoding":"base64"}"#,
            r#"{"original_value":"x","original_encoding":"utf8","original_length":7}"#,
            r#"{"original_value":"x","original_encoding":"utf8","original_length":7,"original_blake3":"x"}"#,
        ] {
            assert!(read(value).is_err(), "{value}");
        }
    }
}
