//! Checkpoints of filtered archives, which readers record for later readers.

use std::sync::{Mutex, MutexGuard};

use tradesim_schemas::{RecordSeq, Timestamp};

/// The initial number of passing messages between two checkpoints. Skipping that many takes some milliseconds.
const STRIDE: u64 = 65_536;
/// The maximum number of checkpoints. When there are more, every second one is dropped and the stride doubles, so an archive of any
/// length needs at most 100 KiB.
const CHECKPOINTS_MAX: usize = 4_096;

/// A position in an archive, and the number of messages that pass the filter before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// The number of messages before it that pass.
    pub(super) passed: u64,
    /// The record sequence number of the row.
    pub(super) seq: RecordSeq,
    /// The time of the row.
    pub(super) at: Timestamp,
}

/// The checkpoints of one archive and filter, shared by all readers.
#[derive(Debug)]
pub(super) struct Checkpoints {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    /// Ascending.
    points: Vec<Checkpoint>,
    stride: u64,
    messages: Option<u64>,
}

impl Checkpoints {
    /// Creates an empty table; `messages` is the number of messages if it is known.
    pub(super) fn new(messages: Option<u64>) -> Checkpoints {
        Checkpoints { table: Mutex::new(Table { points: Vec::new(), stride: STRIDE, messages }) }
    }

    /// Records a checkpoint if it is far enough after the last one.
    pub(super) fn learn(&self, point: Checkpoint) {
        let mut table = self.table();
        if point.passed < table.points.last().map_or(0, |last| last.passed) + table.stride {
            return;
        }
        table.points.push(point);
        if table.points.len() > CHECKPOINTS_MAX {
            let mut index = 0;
            table.points.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            table.stride *= 2;
        }
    }

    /// Records the total number of messages that pass.
    pub(super) fn learn_end(&self, messages: u64) {
        self.table().messages = Some(messages);
    }

    /// Returns the total number of messages that pass, if it is known.
    pub(super) fn messages(&self) -> Option<u64> {
        self.table().messages
    }

    /// Returns the last checkpoint with at most `passed` messages before it.
    pub(super) fn before_message(&self, passed: u64) -> Option<Checkpoint> {
        self.last_where(|point| point.passed <= passed)
    }

    /// Returns the last checkpoint before which everything is earlier than `at`.
    pub(super) fn before_time(&self, at: Timestamp) -> Option<Checkpoint> {
        self.last_where(|point| point.at < at)
    }

    fn last_where(&self, holds: impl Fn(&Checkpoint) -> bool) -> Option<Checkpoint> {
        let table = self.table();
        let count = table.points.partition_point(holds);
        Some(table.points[count.checked_sub(1)?])
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no reader panics while it holds the lock")
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
        let table = checkpoints.table();
        assert!(table.points.len() <= CHECKPOINTS_MAX && table.points.len() > CHECKPOINTS_MAX / 4);
        assert!(table.points.windows(2).all(|pair| pair[0].passed < pair[1].passed));
        assert!(table.points.windows(2).all(|pair| pair[1].passed - pair[0].passed <= table.stride));
    }
}
