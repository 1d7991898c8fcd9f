//! A message of an archive or of a topic, in the form in which it was read.
//!
//! Nearly all are envelopes. Two envelopes are equal exactly if their texts are, so the text of a record is written only if it may
//! differ from the expected one. That was a sixth of the time of an audit.

use tradesim_schemas::{Envelope, MessageEncoder};

/// A message as an envelope, or as any other text. Its memory can be used again for the next message.
#[derive(Clone, Debug, Default)]
pub struct AuditMessage {
    envelope: Option<Envelope>,
    /// The text; of an envelope, empty until it is needed.
    text: Vec<u8>,
}

impl AuditMessage {
    /// Sets the message whose text [`MessageEncoder`] writes for this envelope.
    #[inline]
    pub fn set_envelope(&mut self, envelope: Envelope) {
        self.text.clear();
        self.envelope = Some(envelope);
    }

    /// Sets an empty text, and returns it for the message to be appended.
    pub fn set_text(&mut self) -> &mut Vec<u8> {
        self.clear();
        &mut self.text
    }

    /// Sets an empty text.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.envelope = None;
    }

    #[inline]
    pub(super) fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// Returns the text.
    pub(super) fn text(&mut self) -> &[u8] {
        if let Some(envelope) = &self.envelope
            && self.text.is_empty()
        {
            MessageEncoder::new().write(envelope, &mut self.text);
        }
        &self.text
    }

    /// Returns the number of bytes that the text takes in memory.
    pub(super) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// Returns the size of the buffer of the text.
    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{ReadOptions, read};

    use super::*;
    use crate::audit::comparison::tests::topics::messages;

    #[test]
    fn an_envelope_has_its_text_and_no_other() {
        let mut message = AuditMessage::default();
        assert_eq!(message.envelope(), None);
        assert_eq!(message.text(), b"");
        for text in messages(20) {
            let envelope = read(&text, ReadOptions::default()).unwrap().to_envelope().unwrap();
            message.set_envelope(envelope);
            assert_eq!((message.envelope(), message.text_bytes()), (Some(&envelope), 0));
            assert_eq!(message.text(), text);
            assert_eq!(message.text(), text);
            message.set_text().extend_from_slice(b"other");
            assert_eq!(message.envelope(), None);
            assert_eq!(message.text(), b"other");
        }
    }
}
