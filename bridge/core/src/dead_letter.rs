//! Records of messages that can never be delivered (contract, section 5).

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use tradesim_schemas::{Refusal, Timestamp};

/// The limit in bytes up to which a message is kept completely.
const WHOLE_BYTES_MAX: usize = 512 * 1024;
/// The bytes that are kept of a longer message.
const CUT_BYTES: usize = 64 * 1024;
/// The bytes that are kept if the topic refuses even that.
const BRIEF_BYTES: usize = 4 * 1024;
/// The number of characters of a symbol, by the contract.
const SYMBOL_CHARS_MAX: usize = 10;

/// The reason why a message cannot be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A stable code, such as `missing_field`.
    pub reason: Cow<'static, str>,
    /// A text for the user.
    pub error: String,
    /// The number of retries.
    pub retry_count: u32,
}

impl Verdict {
    /// The reason code for a record that the broker refuses because of its content.
    pub const REFUSED: &'static str = "refused_by_broker";

    /// Returns the verdict for a message that is invalid.
    pub fn of_refusal(refusal: &Refusal) -> Verdict {
        Verdict { reason: refusal.reason.code().into(), error: refusal.to_string(), retry_count: 0 }
    }

    /// Returns the verdict for a record that the broker refuses because of its content, after this many retries.
    pub fn of_broker(error: impl Into<String>, retry_count: u32) -> Verdict {
        Verdict { reason: Verdict::REFUSED.into(), error: error.into(), retry_count }
    }
}

/// The properties of a message of which only the beginning is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its length in bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    pub hash: blake3::Hash,
}

/// A message that becomes a dead letter.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// The message as received, or its beginning.
    pub original: &'a [u8],
    /// The properties of the whole message, if `original` is its beginning.
    pub whole: Option<&'a Whole>,
    /// The topic that it was meant for, if it states an event type.
    pub topic: Option<&'a str>,
    /// Its symbol, if it states one.
    pub key: Option<&'a str>,
    /// The time at which it failed.
    pub failed_at: Timestamp,
}

/// The encoding of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Utf8,
    Base64,
}

#[derive(Serialize, Deserialize)]
struct Layout<'a> {
    original_topic: Option<Cow<'a, str>>,
    original_key: Option<Cow<'a, str>>,
    original_value: Cow<'a, str>,
    original_encoding: Encoding,
    error: Cow<'a, str>,
    reason: Cow<'a, str>,
    failed_at: Cow<'a, str>,
    retry_count: u32,
    /// With `original_blake3`, only if the value is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    original_blake3: Option<Cow<'a, str>>,
}

impl DeadLetter<'_> {
    /// Returns the value of the record: one JSON object.
    pub fn to_json(&self, verdict: &Verdict) -> Vec<u8> {
        let is_cut = self.original.len() > WHOLE_BYTES_MAX;
        self.write(verdict, if is_cut { CUT_BYTES } else { self.original.len() })
    }

    /// Returns the value with at most 4 KiB of the message, for a topic that accepts no more.
    pub fn to_json_brief(&self, verdict: &Verdict) -> Vec<u8> {
        self.write(verdict, self.original.len().min(BRIEF_BYTES))
    }

    fn write(&self, verdict: &Verdict, kept: usize) -> Vec<u8> {
        let is_cut = kept < self.original.len() || self.whole.is_some();
        let whole = || match self.whole {
            Some(whole) => *whole,
            None => Whole { length: self.original.len() as u64, hash: blake3::hash(self.original) },
        };
        let whole = is_cut.then(whole);
        let (value, encoding) = encoded(self.original, kept, self.whole.is_some());
        let failed_at = self.failed_at.text();
        let layout = Layout {
            original_topic: self.topic.map(Cow::Borrowed),
            original_key: self.key.map(Cow::Borrowed),
            original_value: value,
            original_encoding: encoding,
            error: Cow::Borrowed(&verdict.error),
            reason: Cow::Borrowed(&verdict.reason),
            failed_at: String::from_utf8_lossy(&failed_at),
            retry_count: verdict.retry_count,
            original_length: whole.map(|whole| whole.length),
            original_blake3: whole.map(|whole| whole.hash.to_hex().to_string().into()),
        };
        serde_json::to_vec(&layout).expect("texts and numbers are JSON")
    }
}

/// Encodes the original. JSON makes control characters six times as long, which can exceed every topic's limit, so
/// base64 is used if it is shorter than the text.
fn encoded(original: &[u8], kept: usize, is_beginning: bool) -> (Cow<'_, str>, Encoding) {
    let text = match std::str::from_utf8(original) {
        // a beginning may end inside a character
        Err(error) if is_beginning && error.error_len().is_none() => {
            std::str::from_utf8(&original[..error.valid_up_to()])
        }
        text => text,
    };
    if let Ok(text) = text {
        let end = (0..=kept).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let text = &text[..end];
        if escaped_len(text) <= text.len().div_ceil(3) * 4 + ESCAPES_FREE {
            return (Cow::Borrowed(text), Encoding::Utf8);
        }
    }
    (BASE64_STANDARD.encode(&original[..kept]).into(), Encoding::Base64)
}

/// The bytes that escaping may add to a text before base64 is considered: short texts stay readable.
const ESCAPES_FREE: usize = 16 * 1024;

/// Returns the length of a text inside a JSON string.
fn escaped_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

impl DeadLetter<'_> {
    /// Returns the symbol that an invalid message states, if it is a valid symbol.
    pub fn key_of(frame: &[u8]) -> Option<String> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow)]
            payload: Payload<'a>,
        }
        #[derive(Deserialize)]
        struct Payload<'a> {
            #[serde(borrow)]
            symbol: Cow<'a, str>,
        }
        let symbol = serde_json::from_slice::<Envelope<'_>>(frame).ok()?.payload.symbol;
        (1..=SYMBOL_CHARS_MAX).contains(&symbol.chars().count()).then(|| symbol.into_owned())
    }
}

/// A parsed dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The topic that it was meant for.
    pub topic: Option<String>,
    /// Its symbol.
    pub key: Option<String>,
    /// The message as received, or its beginning.
    pub value: Vec<u8>,
    /// The length in bytes of a message of which only the beginning is kept.
    pub cut_from: Option<u64>,
    /// The length and hash of such a message, if both are stated.
    pub whole: Option<Whole>,
    /// The reason of the failure.
    pub verdict: Verdict,
    /// The time of the failure, in RFC 3339.
    pub failed_at: String,
}

impl Original {
    /// Parses the value of a record.
    ///
    /// # Errors
    /// The reason why the value is not a dead letter.
    pub fn parse(value: &[u8]) -> Result<Original, String> {
        let layout: Layout<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        let value = match layout.original_encoding {
            Encoding::Utf8 => layout.original_value.into_owned().into_bytes(),
            Encoding::Base64 => BASE64_STANDARD
                .decode(layout.original_value.as_bytes())
                .map_err(|error| format!("original_value: {error}"))?,
        };
        let hash = layout.original_blake3.and_then(|hex| blake3::Hash::from_hex(hex.as_bytes()).ok());
        Ok(Original {
            topic: layout.original_topic.map(Cow::into_owned),
            key: layout.original_key.map(Cow::into_owned),
            value,
            cut_from: layout.original_length,
            whole: layout.original_length.zip(hash).map(|(length, hash)| Whole { length, hash }),
            verdict: Verdict {
                reason: layout.reason.into_owned().into(),
                error: layout.error.into_owned(),
                retry_count: layout.retry_count,
            },
            failed_at: layout.failed_at.into_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::{ReadOptions, read};

    use super::*;

    fn letter(original: &[u8]) -> DeadLetter<'_> {
        let failed_at = Timestamp::from_micros(1_771_425_000_000_001).unwrap();
        DeadLetter { original, whole: None, topic: Some("raw.trades"), key: None, failed_at }
    }

    fn verdict() -> Verdict {
        Verdict::of_refusal(&read(b"{", ReadOptions::default()).unwrap_err())
    }

    #[test]
    fn a_dead_letter_is_this_record() {
        let text = String::from_utf8(letter(b"{\"a\":").to_json(&verdict())).unwrap();
        assert!(text.starts_with(
            r#"{"original_topic":"raw.trades","original_key":null,"original_value":"{\"a\":","original_encoding":"utf8","error":""#
        ), "{text}");
        assert!(
            text.ends_with(
                r#","reason":"not_json","failed_at":"2026-02-18T14:30:00.000001Z","retry_count":0}"#
            ),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_utf8_is_kept_as_base64() {
        let json = letter(&[0xff, 0x00, 0xfe]).to_json(&verdict());
        let text = String::from_utf8(json.clone()).unwrap();
        assert!(text.contains(r#""original_value":"/wD+","original_encoding":"base64""#), "{text}");
        assert_eq!(Original::parse(&json).unwrap().value, [0xff, 0x00, 0xfe]);
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_with_its_length_and_hash() {
        for (piece, kept) in [("x", CUT_BYTES), ("é", CUT_BYTES), ("€", CUT_BYTES - 1)] {
            let original = piece.repeat(WHOLE_BYTES_MAX / piece.len() + 1).into_bytes();
            let json = letter(&original).to_json(&verdict());
            let read = Original::parse(&json).unwrap();
            assert_eq!(
                (read.value.as_slice(), read.cut_from),
                (&original[..kept], Some(original.len() as u64))
            );
            let hash = blake3::hash(&original).to_hex().to_string();
            assert!(String::from_utf8(json).unwrap().contains(&hash));
        }
        let brief = Original::parse(&letter(&[b'x'; 5_000]).to_json_brief(&verdict())).unwrap();
        assert_eq!((brief.value.len(), brief.cut_from), (BRIEF_BYTES, Some(5_000)));
        let whole = vec![b'x'; WHOLE_BYTES_MAX];
        assert_eq!(Original::parse(&letter(&whole).to_json(&verdict())).unwrap().cut_from, None);
    }

    #[test]
    fn a_message_of_which_the_beginning_is_at_hand_is_written_with_the_whole_ones_length_and_hash() {
        let bytes = "é".repeat(CUT_BYTES);
        let whole = Whole { length: bytes.len() as u64, hash: blake3::hash(bytes.as_bytes()) };
        // inside a character
        let beginning = &bytes.as_bytes()[..CUT_BYTES - 1];
        for write in [DeadLetter::to_json, DeadLetter::to_json_brief] {
            let json = write(&DeadLetter { whole: Some(&whole), ..letter(beginning) }, &verdict());
            let read = Original::parse(&json).unwrap();
            assert_eq!((read.cut_from, read.whole), (Some(whole.length), Some(whole)));
            assert!(beginning.starts_with(&read.value) && read.value.len() >= BRIEF_BYTES - 1);
            assert!(String::from_utf8(json).unwrap().contains(r#""original_encoding":"utf8""#));
        }
    }

    #[test]
    fn the_worst_text_fits_into_a_topic() {
        for worst in [vec![0u8; WHOLE_BYTES_MAX], vec![b'"'; WHOLE_BYTES_MAX], vec![0xff; WHOLE_BYTES_MAX]] {
            let json = letter(&worst).to_json(&verdict());
            assert!(json.len() < 800_000, "{}", json.len());
            assert_eq!(Original::parse(&json).unwrap().value, worst);
        }
    }

    #[test]
    fn the_symbol_is_found_where_it_is_one() {
        let key = |text: &str| DeadLetter::key_of(text.as_bytes());
        assert_eq!(key(r#"{"payload":{"price":1,"symbol":"AAPL"}}"#).as_deref(), Some("AAPL"));
        assert_eq!(key(r#"{"payload":{"symbol":"\u0041"}}"#).as_deref(), Some("A"));
        for text in ["", "[]", "{}", r#"{"payload":{"symbol":""}}"#, r#"{"payload":{"symbol":7}}"#] {
            assert_eq!(key(text), None, "{text}");
        }
        assert_eq!(key(r#"{"payload":{"symbol":"ELEVENCHARS"}}"#), None);
    }

    proptest! {
        #[test]
        fn the_bytes_come_back(original in proptest::collection::vec(any::<u8>(), 0..300)) {
            let read = Original::parse(&letter(&original).to_json(&verdict())).unwrap();
            prop_assert_eq!(read.value, original);
        }
    }
}
