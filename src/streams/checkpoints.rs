//! Where the messages of a filtered archive are: learned by whoever reads them.

use std::sync::{Mutex, MutexGuard};

use tradesim_schemas::Timestamp;

/// Passing messages between two checkpoints, at first: what is skipped to reach a message takes some milliseconds.
const STRIDE: u64 = 65_536;
/// Checkpoints that are kept. When there are more, every second one goes and the stride doubles, so that an archive of
/// any length takes 100 KiB at most.
const CHECKPOINTS_MAX: usize = 4_096;

/// A place in an archive and how many messages pass the filter before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Messages before it that pass.
    pub(super) passed: u64,
    /// The archive's seq of the row there.
    pub(super) seq: u64,
    /// Its time.
    pub(super) at: Timestamp,
}

/// Checkpoints of one archive under one filter, shared by its readers.
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
    /// No checkpoint yet; `messages` where their number is known already.
    pub(super) fn new(messages: Option<u64>) -> Checkpoints {
        Checkpoints { table: Mutex::new(Table { points: Vec::new(), stride: STRIDE, messages }) }
    }

    /// Keeps the place if it is far enough behind the last one.
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

    /// States how many messages pass in all.
    pub(super) fn learn_end(&self, messages: u64) {
        self.table().messages = Some(messages);
    }

    /// How many messages pass in all, where that is known.
    pub(super) fn messages(&self) -> Option<u64> {
        self.table().messages
    }

    /// The last known place with at most `passed` messages before it.
    pub(super) fn before_message(&self, passed: u64) -> Option<Checkpoint> {
        self.last_where(|point| point.passed <= passed)
    }

    /// The last known place before which everything is earlier than `at`.
    pub(super) fn before_time(&self, at: Timestamp) -> Option<Checkpoint> {
        self.last_where(|point| point.at < at)
    }

    fn last_where(&self, holds: impl Fn(&Checkpoint) -> bool) -> Option<Checkpoint> {
        let table = self.table();
        let count = table.points.partition_point(holds);
        Some(table.points[count.checked_sub(1)?])
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no reader panics while it learns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(passed: u64) -> Checkpoint {
        Checkpoint { passed, seq: 3 * passed, at: Timestamp::from_micros(passed as i64 / 1_000).unwrap() }
    }

    #[test]
    fn the_last_place_before_a_message_is_found() {
        let checkpoints = Checkpoints::new(None);
        assert_eq!(checkpoints.before_message(u64::MAX), None);
        for passed in (0..1_000_000).step_by(5_000) {
            checkpoints.learn(point(passed));
        }
        // a second reader on the same way has nothing to add
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
