//! Snapshots of the simulation, from which readers continue.

use tradesim_schemas::{MarketState, StreamSeq, Timestamp};
use tradesim_sim::Simulation;

use crate::spaced::{Positioned, SpacedStates};

/// The limits of the snapshots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The initial number of messages between two snapshots.
    pub(super) stride: u64,
    /// The memory of all snapshots.
    pub(super) bytes_max: usize,
}

impl Limits {
    /// The default limits. The stride takes a third of a second to simulate. The size of a snapshot depends on the open orders: some
    /// hundred kB at 10 orders per second, and tens of MB at 10,000.
    pub(super) const USUAL: Limits = Limits { stride: 4_000_000, bytes_max: 128 << 20 };
}

/// The maximum number of snapshots, even if more would fit. A message is then at most a sixteenth of the stream after a snapshot.
const SNAPSHOTS_MAX: usize = 32;

/// The simulation at a position of the stream.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// The sequence number of the next message.
    pub(super) seq: StreamSeq,
    /// True if the time before that message is skipped.
    pub(super) starts_segment: bool,
    /// The state before that message.
    pub(super) simulation: Simulation,
    /// The state of the market before that message.
    pub(super) market: MarketState,
    /// The time of the message before it.
    pub(super) before: Option<Timestamp>,
}

impl Positioned for Snapshot {
    fn position(&self) -> u64 {
        self.seq.get()
    }
}

/// The snapshots of a stream, shared by all readers.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// The snapshot at the start of the stream, which is always kept.
    first: Snapshot,
    later: SpacedStates<Snapshot>,
    bytes_max: usize,
}

impl Snapshots {
    /// Creates a table with a snapshot at the start of the stream.
    pub(super) fn new(first: Snapshot, limits: Limits) -> Snapshots {
        Snapshots { first, later: SpacedStates::new(limits.stride), bytes_max: limits.bytes_max }
    }

    /// Returns whether a message is far enough after the last snapshot for a new one.
    pub(super) fn wants(&self, seq: StreamSeq) -> bool {
        self.later.wants(seq.get())
    }

    /// Stores a snapshot, if it is far enough after the last one.
    pub(super) fn learn(&self, snapshot: Snapshot) {
        self.later.learn(snapshot, |later| self.are_too_many(later));
    }

    fn are_too_many(&self, later: &[Snapshot]) -> bool {
        let all = std::iter::once(&self.first).chain(later);
        let bytes: usize = all.map(|snapshot| snapshot.simulation.state_bytes()).sum();
        later.len() >= SNAPSHOTS_MAX || (!later.is_empty() && bytes > self.bytes_max)
    }

    /// Returns the last snapshot at or before a message.
    pub(super) fn before_message(&self, seq: StreamSeq) -> Snapshot {
        self.last_where(|snapshot| snapshot.seq <= seq)
    }

    /// Returns the last snapshot before which everything is earlier than `at`, or the first snapshot.
    pub(super) fn before_time(&self, at: Timestamp) -> Snapshot {
        self.last_where(|snapshot| snapshot.simulation.now() <= at)
    }

    fn last_where(&self, holds: impl Fn(&Snapshot) -> bool) -> Snapshot {
        self.later.last_where(holds).unwrap_or_else(|| self.first.clone())
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

    fn snapshot(seq: StreamSeq) -> Snapshot {
        let day = TradingDay::new("2026-02-18".parse().unwrap(), Closed::Refuse).unwrap();
        let options = SimulationOptions { symbols: 1, ..SimulationOptions::new(day, 1) };
        let simulation = Simulation::new(options).unwrap();
        Snapshot { seq, starts_segment: false, simulation, market: MarketState::new(), before: None }
    }

    #[test]
    fn the_last_snapshot_before_a_message_is_found() {
        let snapshots = Snapshots::new(snapshot(StreamSeq(0)), Limits::USUAL);
        assert!(!snapshots.wants(StreamSeq(STRIDE - 1)));
        for seq in [STRIDE, STRIDE + 1, 3 * STRIDE] {
            snapshots.learn(snapshot(StreamSeq(seq)));
        }
        for (seq, found) in
            [(0, 0), (STRIDE - 1, 0), (STRIDE, STRIDE), (3 * STRIDE - 1, STRIDE), (u64::MAX, 3 * STRIDE)]
        {
            assert_eq!(snapshots.before_message(StreamSeq(seq)).seq, StreamSeq(found), "{seq}");
        }
        // all of these are at the start of the day
        assert_eq!(snapshots.before_time(Timestamp::MIN).seq, StreamSeq(0));
        assert_eq!(snapshots.before_time(Timestamp::MAX).seq, StreamSeq(3 * STRIDE));
    }

    #[test]
    fn the_number_of_snapshots_is_limited() {
        let snapshots = Snapshots::new(snapshot(StreamSeq(0)), Limits::USUAL);
        for n in 1..1_000 {
            if snapshots.wants(StreamSeq(n * STRIDE)) {
                snapshots.learn(snapshot(StreamSeq(n * STRIDE)));
            }
        }
        let table = snapshots.later.table();
        assert!((SNAPSHOTS_MAX / 2..=SNAPSHOTS_MAX).contains(&(1 + table.states.len())));
        let seqs: Vec<u64> = std::iter::once(snapshots.first.position())
            .chain(table.states.iter().map(Snapshot::position))
            .collect();
        assert_eq!(seqs[0], 0);
        assert!(seqs.windows(2).all(|pair| pair[1] - pair[0] <= table.stride));
    }

    #[test]
    fn the_memory_of_snapshots_is_limited() {
        let one = snapshot(StreamSeq(0)).simulation.state_bytes();
        assert!(one > 1_000);
        for (states, kept_max) in [(0, 1), (1, 1), (2, 2), (5, 5)] {
            let snapshots =
                Snapshots::new(snapshot(StreamSeq(0)), Limits { stride: 10, bytes_max: states * one });
            for seq in (0..10_000).step_by(10) {
                if snapshots.wants(StreamSeq(seq)) {
                    snapshots.learn(snapshot(StreamSeq(seq)));
                }
            }
            let kept = 1 + snapshots.later.table().states.len();
            assert!((1..=kept_max).contains(&kept), "{states}: {kept}");
            assert_eq!(snapshots.before_message(StreamSeq(0)).seq, StreamSeq(0));
        }
    }
}
