//! What a message says, and whether it says it in our own text.

use tradesim_schemas::{
    Envelope, Event, MessageEncoder,
    reader::{self, ReadOptions},
};

use crate::write::fits_columns;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// An event whose text is exactly what we write, and comes back from its columns.
    OurText(Envelope),
    /// An event in any other text.
    Event(Event),
    /// Nothing that we know.
    Nothing,
}

impl Stated {
    /// The event, for queries.
    pub(super) fn event(self) -> Option<Event> {
        match self {
            Stated::OurText(envelope) => Some(envelope.event),
            Stated::Event(event) => Some(event),
            Stated::Nothing => None,
        }
    }
}

/// Reads messages.
#[derive(Debug, Default)]
pub(super) struct Reader {
    encoder: MessageEncoder,
    text: Vec<u8>,
}

impl Reader {
    pub(super) fn read(&mut self, bytes: &[u8]) -> Stated {
        let message = reader::read(bytes, ReadOptions::default()).ok();
        let Some(envelope) = message.and_then(|message| message.to_envelope()) else {
            return Stated::Nothing;
        };
        self.text.clear();
        self.encoder.write(&envelope, &mut self.text);
        if self.text == bytes && fits_columns(&envelope.event).is_ok() {
            return Stated::OurText(envelope);
        }
        match envelope.event {
            Event::MarketData(_) if fits_columns(&envelope.event).is_err() => Stated::Nothing,
            event => Stated::Event(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::testing::{any_envelope, market_envelope};

    use super::*;

    fn read(bytes: &[u8]) -> Stated {
        Reader::default().read(bytes)
    }

    proptest! {
        #[test]
        fn our_own_text_is_known_as_such(envelope in market_envelope()) {
            prop_assert_eq!(read(envelope.to_json().as_bytes()), Stated::OurText(envelope));
        }

        #[test]
        fn another_layout_says_the_same_event_and_is_not_our_text(envelope in market_envelope()) {
            let spaced = envelope.to_json().replacen(':', ": ", 1);
            prop_assert_eq!(read(spaced.as_bytes()), Stated::Event(envelope.event));
        }

        #[test]
        fn what_columns_cannot_hold_is_never_taken_for_our_text(envelope in any_envelope()) {
            if let Stated::OurText(found) = read(envelope.to_json().as_bytes()) {
                prop_assert_eq!(found, envelope);
                prop_assert!(fits_columns(&found.event).is_ok());
            }
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(read(&bytes), Stated::Nothing);
        }
    }
}
