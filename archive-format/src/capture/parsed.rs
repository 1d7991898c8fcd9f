//! Parses a received message, and determines whether it is in our own text.

use std::borrow::Cow;

use serde::Deserialize;
use tradesim_schemas::{
    Envelope, Event, MessageEncoder, Timestamp,
    reader::{self, ReadOptions},
};

use crate::write::fits_columns;

/// The content of a received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ParsedMessage {
    /// An event whose text is exactly the one that tradesim writes, so that it can be restored from its columns.
    OurText(Envelope),
    /// Any other text.
    Other {
        /// Its timestamp, if it has a valid one.
        time: Option<Timestamp>,
        /// Its event, for queries, if it could be parsed.
        event: Option<Event>,
    },
}

impl ParsedMessage {
    /// Returns the timestamp of the message.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            ParsedMessage::OurText(envelope) => Some(envelope.timestamp),
            ParsedMessage::Other { time, .. } => *time,
        }
    }

    /// Returns the event, for queries.
    pub(super) fn event(self) -> Option<Event> {
        match self {
            ParsedMessage::OurText(envelope) => Some(envelope.event),
            ParsedMessage::Other { event, .. } => event,
        }
    }
}

/// Returns the timestamp of a message: the value of `timestamp` in a JSON object, if it can be read. A message that is
/// refused for another reason can have one, too.
pub(crate) fn message_time(bytes: &[u8]) -> Option<Timestamp> {
    match reader::read(bytes, ReadOptions::default()) {
        Ok(message) => Some(message.timestamp),
        Err(_) => object_time(bytes),
    }
}

fn object_time(bytes: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        timestamp: Cow<'a, str>,
    }
    // serde also accepts an array as a struct, and would read its first value
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if *first != b'{' {
        return None;
    }
    let object: Object<'_> = serde_json::from_slice(bytes).ok()?;
    Timestamp::parse(object.timestamp.as_bytes()).ok()
}

/// Reads messages.
#[derive(Debug, Default)]
pub(super) struct MessageParser {
    encoder: MessageEncoder,
    text: Vec<u8>,
}

impl MessageParser {
    pub(super) fn read(&mut self, bytes: &[u8]) -> ParsedMessage {
        let Ok(message) = reader::read(bytes, ReadOptions::default()) else {
            return ParsedMessage::Other { time: object_time(bytes), event: None };
        };
        let time = Some(message.timestamp);
        let Some(envelope) = message.to_envelope() else { return ParsedMessage::Other { time, event: None } };
        self.text.clear();
        self.encoder.write(&envelope, &mut self.text);
        if self.text == bytes && fits_columns(&envelope.event).is_ok() {
            return ParsedMessage::OurText(envelope);
        }
        match envelope.event {
            Event::MarketData(_) if fits_columns(&envelope.event).is_err() => {
                ParsedMessage::Other { time, event: None }
            }
            event => ParsedMessage::Other { time, event: Some(event) },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::testing::{any_envelope, market_envelope};

    use super::*;

    fn read(bytes: &[u8]) -> ParsedMessage {
        MessageParser::default().read(bytes)
    }

    proptest! {
        #[test]
        fn our_own_text_is_known_as_such(envelope in market_envelope()) {
            prop_assert_eq!(read(envelope.to_json().as_bytes()), ParsedMessage::OurText(envelope));
        }

        #[test]
        fn another_layout_says_the_same_event_and_is_not_our_text(envelope in market_envelope()) {
            let spaced = envelope.to_json().replacen(':', ": ", 1);
            let expected = ParsedMessage::Other { time: Some(envelope.timestamp), event: Some(envelope.event) };
            prop_assert_eq!(read(spaced.as_bytes()), expected);
            prop_assert_eq!(message_time(spaced.as_bytes()), Some(envelope.timestamp));
        }

        #[test]
        fn what_columns_cannot_hold_is_never_taken_for_our_text(envelope in any_envelope()) {
            if let ParsedMessage::OurText(found) = read(envelope.to_json().as_bytes()) {
                prop_assert_eq!(found, envelope);
                prop_assert!(fits_columns(&found.event).is_ok());
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(read(&bytes), ParsedMessage::Other { time: None, event: None });
        }
    }

    #[test]
    fn the_time_of_a_message_that_is_refused_is_read_where_it_is_one() {
        let time = Timestamp::parse(b"2026-02-18T14:30:00Z").ok();
        for (text, expected) in [
            (r#"{"timestamp":"2026-02-18T14:30:00Z","x":[1,{"timestamp":7}]}"#, time),
            ("\n {\"x\":1,\n \"timestamp\" : \"2026-02-18T14:30:00\\u005a\"}", time),
            (r#"{"timestamp":"2026-02-18T14:30:00Z","timestamp":"2026-02-18T14:30:00Z"}"#, None),
            (r#"{"timestamp":"yesterday"}"#, None),
            (r#"{"timestamp":1771425000}"#, None),
            (r#"{"timestamp":null}"#, None),
            (r#"{"time":"2026-02-18T14:30:00Z"}"#, None),
            (r#"["2026-02-18T14:30:00Z"]"#, None),
            (r#"{"timestamp":"2026-02-18T14:30:00Z""#, None),
            ("", None),
        ] {
            assert_eq!(message_time(text.as_bytes()), expected, "{text}");
            assert_eq!(read(text.as_bytes()).time(), expected, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_nested_without_end_is_read_in_bounded_space() {
        let nested = format!(r#"{{"x":{}"#, "[".repeat(1 << 20));
        assert_eq!(message_time(nested.as_bytes()), None);
    }
}
