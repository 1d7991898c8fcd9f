//! Two digests side by side: of the messages found, and of the expected ones. While they are equal, only one is
//! computed.

use tradesim_schemas::{ContentDigest, ContentHasher, Envelope, MessageEncoder};

#[derive(Clone, Debug, Default)]
pub(super) struct Digests {
    found: ContentHasher,
    /// `None` while it is equal.
    expected: Option<ContentHasher>,
    encoder: MessageEncoder,
}

impl Digests {
    /// Adds a message that is as expected.
    #[inline]
    pub(super) fn push(&mut self, message: &[u8]) {
        self.found.push(message);
        if let Some(expected) = &mut self.expected {
            expected.push(message);
        }
    }

    /// Adds the text of an envelope that is as expected.
    #[inline]
    pub(super) fn push_envelope(&mut self, envelope: &Envelope) {
        let Digests { found, expected, encoder } = self;
        for digest in [found].into_iter().chain(expected) {
            digest.push_with(|out| encoder.write(envelope, out));
        }
    }

    /// Adds two different messages, or one without the other.
    pub(super) fn push_different(&mut self, found: Option<&[u8]>, expected: Option<&[u8]>) {
        let digest = self.expected.get_or_insert_with(|| self.found.clone());
        if let Some(message) = expected {
            digest.push(message);
        }
        if let Some(message) = found {
            self.found.push(message);
        }
    }

    /// Returns the digests of the messages found and of the expected ones.
    pub(super) fn finish(&self) -> (ContentDigest, ContentDigest) {
        let found = self.found.finish();
        (found, self.expected.as_ref().map_or(found, ContentHasher::finish))
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{ReadOptions, read};

    use super::*;
    use crate::audit::comparison::tests::topics::messages;

    #[test]
    fn the_digests_part_at_the_first_difference() {
        let mut digests = Digests::default();
        digests.push(b"a");
        assert_eq!(digests.finish().0, digests.finish().1);
        digests.push_different(Some(b"x"), Some(b"b"));
        digests.push_different(None, Some(b"c"));
        digests.push(b"d");
        let of = |messages: &[&[u8]]| ContentDigest::of(messages);
        assert_eq!(digests.finish(), (of(&[b"a", b"x", b"d"]), of(&[b"a", b"b", b"c", b"d"])));
    }

    #[test]
    fn an_envelope_counts_as_its_text() {
        let [first, second] = [0, 1].map(|at| messages(2)[at].clone());
        let envelope = |text: &[u8]| read(text, ReadOptions::default()).unwrap().to_envelope().unwrap();
        let mut digests = Digests::default();
        digests.push_envelope(&envelope(&first));
        digests.push_different(None, Some(b"a"));
        digests.push_envelope(&envelope(&second));
        let expected = ContentDigest::of([&first[..], b"a", &second]);
        assert_eq!(digests.finish(), (ContentDigest::of([&first, &second]), expected));
    }
}
