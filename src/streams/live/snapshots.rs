//! Places in simulated days to come back to: the state of the simulation there.

use std::sync::{Mutex, MutexGuard};

use tradesim_schemas::Timestamp;
use tradesim_sim::Simulation;

/// How many marks are kept. Where there would be more, every second one goes and the stride doubles; the first one stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Messages between two marks, at first.
    pub(super) stride: u64,
    /// Memory of all marks.
    pub(super) bytes_max: usize,
}

impl Limits {
    /// A third of a second of simulation at first. A state is as large as its open orders are many: some hundred kB at 10
    /// orders a second, and tens of MB at 10,000.
    pub(super) const USUAL: Limits = Limits { stride: 4_000_000, bytes_max: 128 << 20 };
}

/// Marks that are kept, also where more would fit: a message is then at most a sixteenth of the way from a mark.
const MARKS_MAX: usize = 32;

/// A place in a stream.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Of the message that comes next.
    pub(super) seq: u64,
    /// Whether the time before that message is not played.
    pub(super) starts_segment: bool,
    /// The day as it is before that message.
    pub(super) simulation: Simulation,
}

/// The marks of one stream, shared by its readers.
#[derive(Debug)]
pub(super) struct Marks {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    /// Ascending; the first is the beginning of the stream.
    marks: Vec<Mark>,
    stride: u64,
    bytes_max: usize,
}

impl Marks {
    /// The beginning of the stream, and no other place yet.
    pub(super) fn new(first: Mark, limits: Limits) -> Marks {
        let Limits { stride, bytes_max } = limits;
        Marks { table: Mutex::new(Table { marks: vec![first], stride, bytes_max }) }
    }

    /// Whether a place is far enough behind the last mark to be one.
    pub(super) fn wants(&self, seq: u64) -> bool {
        self.table().wants(seq)
    }

    /// Keeps a place that is wanted.
    pub(super) fn learn(&self, mark: Mark) {
        let mut table = self.table();
        if !table.wants(mark.seq) {
            return;
        }
        table.marks.push(mark);
        while table.has_too_many() {
            let mut index = 0;
            table.marks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            table.stride *= 2;
        }
    }

    /// The last mark at or before a message.
    pub(super) fn before_message(&self, seq: u64) -> Mark {
        self.last_where(|mark| mark.seq <= seq)
    }

    /// The last mark before which everything is earlier than `at`; the first one, if there is none.
    pub(super) fn before_time(&self, at: Timestamp) -> Mark {
        self.last_where(|mark| mark.simulation.now() <= at)
    }

    fn last_where(&self, holds: impl Fn(&Mark) -> bool) -> Mark {
        let table = self.table();
        let count = table.marks.partition_point(holds);
        table.marks[count.saturating_sub(1)].clone()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no reader panics while it learns")
    }
}

impl Table {
    fn wants(&self, seq: u64) -> bool {
        seq >= self.marks.last().expect("the first is kept").seq + self.stride
    }

    fn has_too_many(&self) -> bool {
        let bytes: usize = self.marks.iter().map(|mark| mark.simulation.state_bytes()).sum();
        self.marks.len() > MARKS_MAX || (self.marks.len() > 1 && bytes > self.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use tradesim_sim::{
        SimulationOptions,
        session::{Closed, TradingDay},
    };

    use super::*;

    const STRIDE: u64 = Limits::USUAL.stride;

    fn mark(seq: u64) -> Mark {
        let day = TradingDay::new("2026-02-18".parse().unwrap(), Closed::Refuse).unwrap();
        let options = SimulationOptions { symbols: 1, ..SimulationOptions::new(day, 1) };
        Mark { seq, starts_segment: false, simulation: Simulation::new(options).unwrap() }
    }

    #[test]
    fn the_last_mark_before_a_message_is_found() {
        let marks = Marks::new(mark(0), Limits::USUAL);
        assert!(!marks.wants(STRIDE - 1));
        for seq in [STRIDE, STRIDE + 1, 3 * STRIDE] {
            marks.learn(mark(seq));
        }
        for (seq, found) in
            [(0, 0), (STRIDE - 1, 0), (STRIDE, STRIDE), (3 * STRIDE - 1, STRIDE), (u64::MAX, 3 * STRIDE)]
        {
            assert_eq!(marks.before_message(seq).seq, found, "{seq}");
        }
        // all of these are at the beginning of the day
        assert_eq!(marks.before_time(Timestamp::MIN).seq, 0);
        assert_eq!(marks.before_time(Timestamp::MAX).seq, 3 * STRIDE);
    }

    #[test]
    fn there_are_few_marks_however_long_the_stream_is() {
        let marks = Marks::new(mark(0), Limits::USUAL);
        for n in 1..1_000 {
            if marks.wants(n * STRIDE) {
                marks.learn(mark(n * STRIDE));
            }
        }
        let table = marks.table();
        assert!((MARKS_MAX / 2..=MARKS_MAX).contains(&table.marks.len()));
        assert_eq!(table.marks[0].seq, 0);
        assert!(table.marks.windows(2).all(|pair| pair[1].seq - pair[0].seq <= table.stride));
    }

    #[test]
    fn marks_take_no_more_memory_than_they_may() {
        let one = mark(0).simulation.state_bytes();
        assert!(one > 1_000);
        for (states, kept_max) in [(0, 1), (1, 1), (2, 2), (5, 5)] {
            let marks = Marks::new(mark(0), Limits { stride: 10, bytes_max: states * one });
            for seq in (0..10_000).step_by(10) {
                if marks.wants(seq) {
                    marks.learn(mark(seq));
                }
            }
            let table = marks.table();
            assert!((1..=kept_max).contains(&table.marks.len()), "{states}: {}", table.marks.len());
            assert_eq!(table.marks[0].seq, 0);
        }
    }
}
