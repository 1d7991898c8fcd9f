//! Dead letters that were sent again (`dlq retry`): records of messages that are in the topics already, as they
//! should be.

use std::{collections::BTreeMap, num::NonZeroU32};

/// The first bytes of a BLAKE3.
pub(super) type ShortHash = [u8; 16];

/// The limit of dead letters that are remembered, and of records that were sent again. Any more cannot be verified,
/// and count as faults.
const REMEMBERED_MAX: usize = 262_144;

/// A record of a message that was sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentAgain {
    /// The stream that it was read from.
    pub(super) stream: usize,
    pub(super) offset: i64,
    /// The hash of its message; `None` if it cannot be decoded.
    pub(super) hash: Option<ShortHash>,
}

/// The result for a record of a message that was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is the message of a dead letter.
    Good,
    /// It has no dead letter.
    NoLetter,
    /// It differs from the message of the dead letter.
    Altered,
}

/// The dead letters of a run, and the records that were sent again.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// The messages that are dead letters: their hashes as they are, and re-encoded.
    letters: BTreeMap<u64, [ShortHash; 2]>,
    /// By sequence number and by the number of retries.
    sent: BTreeMap<(u64, NonZeroU32), SentAgain>,
}

impl Retries {
    /// Adds a message that is a dead letter.
    pub(super) fn letter(&mut self, seq: u64, hashes: impl FnOnce() -> [ShortHash; 2]) {
        if self.letters.len() < REMEMBERED_MAX {
            self.letters.insert(seq, hashes());
        }
    }

    /// Adds a record of a message that was sent again for the `retry`th time. Returns true if it is the first such
    /// record.
    pub(super) fn sent(&mut self, seq: u64, retry: NonZeroU32, sent: SentAgain) -> bool {
        let is_known = self.sent.contains_key(&(seq, retry));
        if is_known || self.sent.len() >= REMEMBERED_MAX {
            return false;
        }
        self.sent.insert((seq, retry), sent);
        true
    }

    /// Returns the results for everything that was sent again, once all of it and all dead letters are known.
    pub(super) fn settle(self) -> impl Iterator<Item = (u64, NonZeroU32, SentAgain, Outcome)> {
        let Retries { letters, sent } = self;
        let mut before = None;
        sent.into_iter().map(move |((seq, retry), sent)| {
            let earlier = NonZeroU32::new(retry.get() - 1).map(|earlier| (seq, earlier));
            let is_next = earlier.is_none() || earlier == before;
            before = Some((seq, retry));
            let outcome = match letters.get(&seq) {
                Some(hashes) if is_next && sent.hash.is_none_or(|hash| hashes.contains(&hash)) => {
                    Outcome::Good
                }
                Some(_) if is_next => Outcome::Altered,
                _ => Outcome::NoLetter,
            };
            (seq, retry, sent, outcome)
        })
    }
}
