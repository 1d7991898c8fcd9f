//! The gaps of a capture whose rows are renumbered.

use tradesim_archive::Metadata;
use tradesim_schemas::RecordSeq;

/// The gaps of a capture, by new sequence numbers.
#[derive(Debug)]
pub(super) struct Gaps {
    /// The remaining gaps, by old sequence numbers.
    left: std::iter::Peekable<std::vec::IntoIter<RecordSeq>>,
    pub(super) renumbered: Vec<RecordSeq>,
}

impl Gaps {
    pub(super) fn of(metadata: &Metadata) -> Gaps {
        let first = metadata.first().map_or(RecordSeq(0), |(seq, _)| seq);
        Gaps::new(metadata.provenance().gaps(), first)
    }

    pub(super) fn new(mut gaps: Vec<RecordSeq>, first: RecordSeq) -> Gaps {
        // a cut keeps the gaps of its source; skip those before its first message
        gaps.retain(|gap| *gap >= first);
        Gaps { left: gaps.into_iter().peekable(), renumbered: Vec::new() }
    }

    /// Records that message `old` gets the number `new`, unless it is dropped.
    pub(super) fn pass(&mut self, old: RecordSeq, new: RecordSeq) {
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
        let mut gaps = Gaps::new([2, 10, 12, 13, 20].map(RecordSeq).to_vec(), RecordSeq(10));
        // message 13 is dropped, and the next message gets its number
        for (old, new) in [(10, 0), (11, 1), (13, 2), (14, 2), (15, 3)] {
            gaps.pass(RecordSeq(old), RecordSeq(new));
        }
        assert_eq!(gaps.renumbered, [0, 2].map(RecordSeq));
    }
}
