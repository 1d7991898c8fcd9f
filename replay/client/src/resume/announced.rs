//! The phases of planned events that were reported, so that those which a new connection repeats are not reported again.

use std::collections::BTreeSet;

use tradesim_protocol::{EventPhase, PHASES_MAX};
use tradesim_schemas::StreamSeq;

/// The phases that were reported last, and the message with which they begin.
///
/// A server chooses the number and the length of the phases. So at most [`PHASES_MAX`] are known, which is as many as our server
/// announces before a message, each by its hash. More are reported as often as they arrive.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    seq: StreamSeq,
    hashes: BTreeSet<[u8; 32]>,
}

impl Announced {
    pub(super) fn new() -> Announced {
        Announced { seq: StreamSeq(0), hashes: BTreeSet::new() }
    }

    /// Forgets all phases.
    pub(super) fn clear(&mut self) {
        self.hashes.clear();
    }

    /// Returns true if a phase that begins with the message `seq` is not known, and remembers it.
    pub(super) fn is_new(&mut self, seq: StreamSeq, phase: &EventPhase) -> bool {
        if self.seq != seq {
            self.seq = seq;
            self.hashes.clear();
        }
        let hash = hash(phase);
        if self.hashes.contains(&hash) {
            return false;
        }
        if self.hashes.len() < PHASES_MAX {
            self.hashes.insert(hash);
        }
        true
    }
}

fn hash(phase: &EventPhase) -> [u8; 32] {
    let EventPhase { id, kind, symbol, phase, at } = phase;
    let symbol = symbol.as_ref().map_or("", |symbol| symbol.as_str());
    let mut hasher = blake3::Hasher::new();
    for text in [id, kind, symbol, phase] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    *hasher.update(&at.micros().to_le_bytes()).finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{Symbol, Timestamp};

    use super::*;

    fn phase(id: &str, kind: &str) -> EventPhase {
        EventPhase {
            id: id.to_owned(),
            kind: kind.to_owned(),
            symbol: None,
            phase: "halt".to_owned(),
            at: Timestamp::from_micros(0).unwrap(),
        }
    }

    #[test]
    fn what_is_remembered_of_any_number_of_phases_is_bounded() {
        let mut announced = Announced::new();
        for number in 0..20_000 {
            assert!(announced.is_new(StreamSeq(7), &phase(&number.to_string(), "luld")), "{number}");
        }
        assert_eq!(announced.hashes.len(), PHASES_MAX);
        let is_new = |announced: &mut Announced, number: usize| {
            announced.is_new(StreamSeq(7), &phase(&number.to_string(), "luld"))
        };
        assert!((0..PHASES_MAX).all(|number| !is_new(&mut announced, number)));
        assert!(is_new(&mut announced, PHASES_MAX) && is_new(&mut announced, PHASES_MAX));
    }

    #[test]
    fn phases_that_differ_in_one_part_are_different() {
        let mut announced = Announced::new();
        let first = phase("ab", "c");
        let others = [
            phase("a", "bc"),
            phase("abc", ""),
            EventPhase { symbol: Symbol::new("KO"), ..first.clone() },
            EventPhase { phase: "hal".to_owned(), ..first.clone() },
            EventPhase { at: Timestamp::from_micros(1).unwrap(), ..first.clone() },
        ];
        for phase in others.iter().chain([&first]) {
            assert!(announced.is_new(StreamSeq(7), phase), "{phase:?}");
            assert!(!announced.is_new(StreamSeq(7), phase), "{phase:?}");
        }
        assert!(announced.is_new(StreamSeq(8), &first), "it begins with another message");
    }
}
