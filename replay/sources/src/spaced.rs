//! States of readers at some positions of a stream, from which later readers continue.

use std::sync::{Mutex, MutexGuard};

/// A state at a position of a stream.
pub(crate) trait Positioned: Clone {
    /// Returns the number of messages of the stream before the state.
    fn position(&self) -> u64;
}

/// States in order, at least a stride apart, shared by all readers. The start of the stream is not one of them.
///
/// When there are too many, every second one is dropped and the stride doubles, so the memory for a stream of any length is
/// limited.
#[derive(Debug)]
pub(crate) struct SpacedStates<T> {
    table: Mutex<Table<T>>,
}

#[derive(Debug)]
pub(crate) struct Table<T> {
    /// Ascending.
    pub(crate) states: Vec<T>,
    pub(crate) stride: u64,
}

impl<T: Positioned> SpacedStates<T> {
    /// Creates an empty table.
    pub(crate) fn new(stride: u64) -> SpacedStates<T> {
        SpacedStates { table: Mutex::new(Table { states: Vec::new(), stride }) }
    }

    /// Returns whether a position is far enough after the last state for a new one.
    pub(crate) fn wants(&self, position: u64) -> bool {
        self.table().wants(position)
    }

    /// Stores a state, if it is far enough after the last one. `are_too_many` limits the states; none are always few enough.
    pub(crate) fn learn(&self, state: T, are_too_many: impl Fn(&[T]) -> bool) {
        let mut table = self.table();
        if !table.wants(state.position()) {
            return;
        }
        table.states.push(state);
        while are_too_many(&table.states) {
            let mut index = 0;
            table.states.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            table.stride *= 2;
        }
    }

    /// Returns the last state for which a condition holds. It must hold for all states before that.
    pub(crate) fn last_where(&self, holds: impl Fn(&T) -> bool) -> Option<T> {
        let table = self.table();
        let count = table.states.partition_point(holds);
        Some(table.states[count.checked_sub(1)?].clone())
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().expect("no reader panics while it holds the lock")
    }
}

impl<T: Positioned> Table<T> {
    fn wants(&self, position: u64) -> bool {
        position >= self.states.last().map_or(0, T::position) + self.stride
    }
}
