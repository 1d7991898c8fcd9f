//! Dead letters that were sent again (`dlq retry`): records of messages that are in the topics already, and rightly so.

use std::{collections::BTreeMap, num::NonZeroU32};

/// The first bytes of a BLAKE3.
pub(super) type ShortHash = [u8; 16];

/// Dead letters that are remembered, and as many records of those that were sent again. What is more is not proved, and
/// found to be a fault.
const REMEMBERED_MAX: usize = 262_144;

/// A record of a message that was sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentAgain {
    /// Where it was read.
    pub(super) stream: usize,
    pub(super) offset: i64,
    /// Of its message; none where it cannot be read.
    pub(super) hash: Option<ShortHash>,
}

/// What a record of a message that was sent again turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The message of a dead letter, once more.
    Good,
    /// There is no dead letter that it came of.
    NoLetter,
    /// Another message than the dead letter's.
    Altered,
}

/// The dead letters of a run, and what was sent again.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// Messages that are dead letters: as they are, and in our wording.
    letters: BTreeMap<u64, [ShortHash; 2]>,
    /// By seq and by how often the message was sent again.
    sent: BTreeMap<(u64, NonZeroU32), SentAgain>,
}

impl Retries {
    /// A message is a dead letter.
    pub(super) fn letter(&mut self, seq: u64, hashes: impl FnOnce() -> [ShortHash; 2]) {
        if self.letters.len() < REMEMBERED_MAX {
            self.letters.insert(seq, hashes());
        }
    }

    /// A record of a message that was sent again for the `retry`th time. Says whether it is the first such record.
    pub(super) fn sent(&mut self, seq: u64, retry: NonZeroU32, sent: SentAgain) -> bool {
        let is_known = self.sent.contains_key(&(seq, retry));
        if is_known || self.sent.len() >= REMEMBERED_MAX {
            return false;
        }
        self.sent.insert((seq, retry), sent);
        true
    }

    /// What everything that was sent again turned out to be, once all of it and all dead letters are known.
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
