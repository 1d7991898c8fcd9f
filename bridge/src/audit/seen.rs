//! The sequence numbers that were met: a bit for each message, so that a day of a billion messages takes 125 MB.

/// A set of sequence numbers. It grows to the largest one.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
    count: u64,
}

impl Seen {
    /// Adds a sequence number to the set. Returns true if it is new there.
    #[inline]
    pub(super) fn insert(&mut self, seq: u64) -> bool {
        let (index, bit) = place(seq);
        if index >= self.words.len() {
            self.words.resize(index + 1, 0);
        }
        let is_new = self.words[index] & bit == 0;
        self.words[index] |= bit;
        self.count += u64::from(is_new);
        is_new
    }

    /// Returns the number of sequence numbers in the set.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[inline]
fn place(seq: u64) -> (usize, u64) {
    (usize::try_from(seq / 64).expect("the bitmap fits into memory"), 1 << (seq % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Seen;

    proptest! {
        #[test]
        fn it_is_a_set(seqs in proptest::collection::vec(0u64..300, 0..200)) {
            let mut seen = Seen::default();
            let mut set = BTreeSet::new();
            for seq in seqs {
                prop_assert_eq!(seen.insert(seq), set.insert(seq));
                prop_assert_eq!(seen.count(), set.len() as u64);
            }
        }
    }
}
