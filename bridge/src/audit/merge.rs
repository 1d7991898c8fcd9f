//! The records of all partitions in the order of their sequence numbers.
//!
//! Without faults each partition ascends, and the record that is due is the first of one of them. Otherwise it is
//! searched for further ahead, in all partitions evenly and up to a limit: memory stays bounded however much is
//! missing.

use std::collections::BTreeMap;

use super::{dead_letter::Beginning, message::AuditMessage};

/// The limit of records that are held while an earlier one is searched for: some hundred of each partition, which is
/// more than any retry of a producer reorders.
const AHEAD_RECORDS_MAX: usize = 32_768;
/// The limit of the bytes of their texts.
const AHEAD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The limit up to which the buffer of a text is kept for the next record.
const SPARE_BYTES_MAX: usize = 16 * 1024;

/// The content of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    /// The message.
    Message,
    /// The beginning of a dead letter that was too long.
    Beginning(Beginning),
    /// Nothing that can be decoded.
    #[default]
    Nothing,
}

/// A record of the run, ready to be compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidate {
    pub(super) seq: u64,
    /// The stream that it was read from.
    pub(super) stream: usize,
    pub(super) offset: i64,
    pub(super) content: Content,
    /// The message, if that is the content.
    pub(super) message: AuditMessage,
    /// The faults of the record itself; empty if there are none.
    pub(super) faults: String,
    /// True if it was found after a later record of its key.
    pub(super) is_reordered: bool,
}

impl Candidate {
    /// Prepares it for another record.
    pub(super) fn clear(&mut self) {
        self.message.clear();
        self.faults.clear();
        self.content = Content::Nothing;
        self.is_reordered = false;
    }
}

/// The next record.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one exists at a time; a box would be an allocation for each message"
)]
pub(super) enum Next {
    /// It is unknown until this stream returns a record or ends.
    Unknown(usize),
    /// The record that is due, or one that was due earlier.
    Record(Candidate),
    /// The record that is due is nowhere near.
    Missing,
}

#[derive(Debug)]
pub(super) struct Merge {
    /// The first record of each stream, unless it was not read yet or the stream has ended.
    heads: Vec<Option<Candidate>>,
    /// Their sequence numbers side by side, because each step compares all of them; [`u64::MAX`] if there is none.
    seqs: Vec<u64>,
    /// The streams whose next record was not read yet.
    lacking: Vec<usize>,
    /// The records that were taken out while an earlier one was searched for.
    ahead: BTreeMap<u64, Candidate>,
    /// The number of them from each stream.
    ahead_of: Vec<usize>,
    ahead_bytes: usize,
    /// Used records, kept for their memory.
    spare: Vec<Candidate>,
}

impl Merge {
    pub(super) fn new(streams: usize) -> Merge {
        Merge {
            heads: (0..streams).map(|_| None).collect(),
            seqs: vec![u64::MAX; streams],
            lacking: (0..streams).collect(),
            ahead: BTreeMap::new(),
            ahead_of: vec![0; streams],
            ahead_bytes: 0,
            spare: Vec::new(),
        }
    }

    /// Returns an empty record, to be filled and [put in](Merge::put).
    pub(super) fn spare(&mut self) -> Candidate {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes back a record that is no longer needed.
    pub(super) fn recycle(&mut self, mut candidate: Candidate) {
        if candidate.message.capacity() <= SPARE_BYTES_MAX && self.spare.len() < AHEAD_RECORDS_MAX {
            candidate.clear();
            self.spare.push(candidate);
        }
    }

    /// Adds the next record of a requested stream.
    pub(super) fn put(&mut self, candidate: Candidate) {
        let stream = candidate.stream;
        self.forget_lack(stream);
        self.seqs[stream] = candidate.seq;
        self.heads[stream] = Some(candidate);
    }

    /// Records that a requested stream has no more records.
    pub(super) fn end(&mut self, stream: usize) {
        self.forget_lack(stream);
    }

    fn forget_lack(&mut self, stream: usize) {
        // it is nearly always the last one
        if let Some(index) = self.lacking.iter().rposition(|lacking| *lacking == stream) {
            self.lacking.swap_remove(index);
        }
    }

    /// Returns the next record when the record `due` is wanted.
    pub(super) fn next(&mut self, due: u64) -> Next {
        loop {
            if let Some(&stream) = self.lacking.last() {
                return Next::Unknown(stream);
            }
            let first = self.seqs.iter().copied().enumerate().min_by_key(|(_, seq)| *seq);
            match first {
                Some((stream, seq)) if seq <= due && seq < u64::MAX => {
                    return Next::Record(self.take(stream));
                }
                _ => {}
            }
            if let Some(entry) = self.ahead.first_entry()
                && *entry.key() <= due
            {
                let candidate = entry.remove();
                self.ahead_of[candidate.stream] -= 1;
                self.ahead_bytes -= candidate.message.text_bytes();
                return Next::Record(candidate);
            }
            let is_full = self.ahead.len() >= AHEAD_RECORDS_MAX || self.ahead_bytes >= AHEAD_BYTES_MAX;
            let Some(stream) = self.least_ahead().filter(|_| !is_full) else { return Next::Missing };
            let candidate = self.take(stream);
            self.ahead_of[stream] += 1;
            self.ahead_bytes += candidate.message.text_bytes();
            self.ahead.insert(candidate.seq, candidate);
        }
    }

    /// Returns the stream of which the fewest records are held ahead, among those that have a record.
    fn least_ahead(&self) -> Option<usize> {
        let with_head = (0..self.heads.len()).filter(|&stream| self.seqs[stream] < u64::MAX);
        with_head.min_by_key(|&stream| (self.ahead_of[stream], self.seqs[stream]))
    }

    fn take(&mut self, stream: usize) -> Candidate {
        self.seqs[stream] = u64::MAX;
        self.lacking.push(stream);
        self.heads[stream].take().expect("a stream with a seq has a record")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Returns the sequence numbers in the order in which the merge returns them, `None` for each that it gives up.
    fn merged(mut streams: Vec<VecDeque<u64>>, messages: u64) -> Vec<Option<u64>> {
        let mut merge = Merge::new(streams.len());
        let mut order = Vec::new();
        let mut due = 0;
        loop {
            match merge.next(due) {
                Next::Unknown(stream) => match streams[stream].pop_front() {
                    Some(seq) => {
                        let spare = merge.spare();
                        merge.put(Candidate { seq, stream, ..spare });
                    }
                    None => merge.end(stream),
                },
                Next::Record(candidate) => {
                    due += u64::from(candidate.seq == due);
                    order.push(Some(candidate.seq));
                    merge.recycle(candidate);
                }
                Next::Missing if due < messages => {
                    order.push(None);
                    due += 1;
                }
                Next::Missing => return order,
            }
        }
    }

    proptest! {
        #[test]
        fn near_disorder_is_put_in_order(
            places in proptest::collection::vec((0usize..5, 0u64..8), 0..200),
        ) {
            // each message is in some stream, a little away from its place
            let mut streams = vec![Vec::new(); 5];
            for (seq, (stream, shift)) in places.iter().enumerate() {
                streams[*stream].push((seq as u64 + shift, seq as u64));
            }
            let streams = streams.into_iter().map(|mut stream| {
                stream.sort();
                stream.into_iter().map(|(_, seq)| seq).collect()
            });
            let expected: Vec<_> = (0..places.len() as u64).map(Some).collect();
            prop_assert_eq!(merged(streams.collect(), places.len() as u64), expected);
        }
    }

    #[test]
    fn a_missing_record_is_given_up_and_the_others_come() {
        let streams = vec![VecDeque::from([0, 3, 4]), VecDeque::from([1, 5])];
        assert_eq!(merged(streams, 7), [Some(0), Some(1), None, Some(3), Some(4), Some(5), None]);
    }

    #[test]
    fn a_record_far_ahead_of_its_place_keeps_nobody_waiting() {
        let messages = 2 * AHEAD_RECORDS_MAX as u64;
        let mut early: VecDeque<u64> = (0..messages - 1).filter(|seq| seq % 2 == 0).collect();
        early.push_front(messages - 1);
        let other: VecDeque<u64> = (0..messages - 1).filter(|seq| seq % 2 == 1).collect();
        let order = merged(vec![early, other], messages);
        assert!(order.into_iter().eq((0..messages).map(Some)));
    }

    #[test]
    fn a_record_far_behind_its_place_comes_late() {
        let messages = 2 * AHEAD_RECORDS_MAX as u64;
        let mut stream: VecDeque<u64> = (1..messages).collect();
        stream.push_back(0);
        let order = merged(vec![stream], messages);
        assert_eq!((order[0], order[1], order.last()), (None, Some(1), Some(&Some(0))));
    }
}
