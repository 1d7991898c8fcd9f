//! Checkpoints of filtered archives, which readers record for later readers.

use std::sync::OnceLock;

use tradesim_schemas::{RecordSeq, Timestamp};

use crate::spaced::{Positioned, SpacedStates};

/// The initial number of passing messages between two checkpoints. Skipping that many takes some milliseconds.
const STRIDE: u64 = 65_536;
/// The maximum number of checkpoints, so that an archive of any length needs at most 100 KiB.
const CHECKPOINTS_MAX: usize = 4_096;

/// A position in an archive, and the number of messages that pass the filter before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The number of messages before it that pass.
    pub(crate) passed: u64,
    /// The record sequence number of the row.
    pub(crate) seq: RecordSeq,
    /// The time of the row.
    pub(crate) at: Timestamp,
}

impl Positioned for Checkpoint {
    fn position(&self) -> u64 {
        self.passed
    }
}

/// The checkpoints of one archive and filter, shared by all readers.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    points: SpacedStates<Checkpoint>,
    messages: OnceLock<u64>,
}

impl Checkpoints {
    /// Creates an empty table; `messages` is the number of messages if it is known.
    pub(crate) fn new(messages: Option<u64>) -> Checkpoints {
        let messages = messages.map_or_else(OnceLock::new, OnceLock::from);
        Checkpoints { points: SpacedStates::new(STRIDE), messages }
    }

    /// Records a checkpoint if it is far enough after the last one.
    pub(crate) fn learn(&self, point: Checkpoint) {
        self.points.learn(point, |points| points.len() > CHECKPOINTS_MAX);
    }

    /// Records the total number of messages that pass.
    pub(crate) fn learn_end(&self, messages: u64) {
        self.messages.get_or_init(|| messages);
    }

    /// Returns the total number of messages that pass, if it is known.
    pub(crate) fn messages(&self) -> Option<u64> {
        self.messages.get().copied()
    }

    /// Returns the last checkpoint with at most `passed` messages before it.
    pub(crate) fn before_message(&self, passed: u64) -> Option<Checkpoint> {
        self.points.last_where(|point| point.passed <= passed)
    }

    /// Returns the last checkpoint before which everything is earlier than `at`.
    pub(crate) fn before_time(&self, at: Timestamp) -> Option<Checkpoint> {
        self.points.last_where(|point| point.at < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(passed: u64) -> Checkpoint {
        Checkpoint {
            passed,
            seq: RecordSeq(3 * passed),
            at: Timestamp::from_micros(passed as i64 / 1_000).unwrap(),
        }
    }

    #[test]
    fn the_last_checkpoint_before_a_message_is_found() {
        let checkpoints = Checkpoints::new(None);
        assert_eq!(checkpoints.before_message(u64::MAX), None);
        for passed in (0..1_000_000).step_by(5_000) {
            checkpoints.learn(point(passed));
        }
        // a second reader adds nothing
        checkpoints.learn(point(70_000));
        assert_eq!(checkpoints.before_message(69_999), None);
        assert_eq!(checkpoints.before_message(70_000), Some(point(70_000)));
        assert_eq!(checkpoints.before_message(139_999), Some(point(70_000)));
        assert_eq!(checkpoints.before_message(u64::MAX), Some(point(980_000)));
        assert_eq!(checkpoints.before_time(point(70_000).at), None);
        assert_eq!(checkpoints.before_time(point(71_000).at), Some(point(70_000)));
    }

    #[test]
    fn the_table_stays_small_however_long_the_archive_is() {
        let checkpoints = Checkpoints::new(None);
        for n in 0..100_000 {
            checkpoints.learn(point(n * STRIDE));
        }
        let table = checkpoints.points.table();
        assert!(table.states.len() <= CHECKPOINTS_MAX && table.states.len() > CHECKPOINTS_MAX / 4);
        assert!(table.states.windows(2).all(|pair| pair[0].passed < pair[1].passed));
        assert!(table.states.windows(2).all(|pair| pair[1].passed - pair[0].passed <= table.stride));
    }
}
