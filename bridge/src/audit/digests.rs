//! Two digests side by side: of the messages found, and of the expected ones. While they are equal, only one is
//! computed.

use tradesim_schemas::{ContentDigest, ContentHasher};

#[derive(Clone, Debug, Default)]
pub(super) struct Digests {
    found: ContentHasher,
    /// `None` while it is equal.
    expected: Option<ContentHasher>,
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
    use super::*;

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
}
