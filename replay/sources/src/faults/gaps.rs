//! The gaps of a capture whose rows are renumbered.

use tradesim_archive::Metadata;

/// The gaps of a capture, by new sequence numbers.
#[derive(Debug)]
pub(super) struct Gaps {
    /// The remaining gaps, by old sequence numbers.
    left: std::iter::Peekable<std::vec::IntoIter<u64>>,
    pub(super) renumbered: Vec<u64>,
}

impl Gaps {
    pub(super) fn of(metadata: &Metadata) -> Gaps {
        let first = metadata.first().map_or(0, |(seq, _)| seq);
        Gaps::new(metadata.provenance().gaps(), first)
    }

    pub(super) fn new(mut gaps: Vec<u64>, first: u64) -> Gaps {
        // a cut keeps the gaps of its source; skip those before its first message
        gaps.retain(|gap| *gap >= first);
        Gaps { left: gaps.into_iter().peekable(), renumbered: Vec::new() }
    }

    /// Records that message `old` gets the number `new`, unless it is dropped.
    pub(super) fn pass(&mut self, old: u64, new: u64) {
        while self.left.next_if(|gap| *gap <= old).is_some() {
            if self.renumbered.last() != Some(&new) {
                self.renumbered.push(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_before_the_same_messages() {
        let mut gaps = Gaps::new(vec![2, 10, 12, 13, 20], 10);
        // message 13 is dropped, and the next message gets its number
        for (old, new) in [(10, 0), (11, 1), (13, 2), (14, 2), (15, 3)] {
            gaps.pass(old, new);
        }
        assert_eq!(gaps.renumbered, [0, 2]);
    }
}
