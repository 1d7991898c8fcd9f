//! The lag of delivery behind the feed's schedule.

use std::collections::VecDeque;

use tradesim_schemas::StreamSeq;

use super::Context;

/// The limit of pings that are remembered: a quarter of an hour of them.
const PINGS_MAX: usize = 10_000;

/// The times at which messages were due, according to the feed's pings. The lag is relative to the schedule rather
/// than to the actual send time, so that a feed that is delayed does not look fast.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// All messages before the first number were due by the second, in microseconds of Unix time.
    pings: VecDeque<(StreamSeq, u64)>,
}

impl Lag {
    /// Records that the feed has sent all messages before `seq`, the last of which was due at `due_us`.
    pub(super) fn sent(&mut self, seq: StreamSeq, due_us: Option<u64>) {
        let Some(due_us) = due_us else { return };
        if self.pings.back().is_some_and(|(last, _)| *last >= seq) {
            // no message was sent since
            return;
        }
        if self.pings.len() == PINGS_MAX {
            self.pings.pop_front();
        }
        self.pings.push_back((seq, due_us));
    }

    /// Records that all messages before `seq` are delivered.
    pub(super) fn delivered(&mut self, seq: StreamSeq, context: &Context<'_>) {
        let mut newest = None;
        while let Some((_, due_us)) = self.pings.front().copied().filter(|(sent, _)| *sent <= seq) {
            self.pings.pop_front();
            let late_us = context.clock.unix_us().saturating_sub(due_us);
            context.metrics.end_to_end.observe_us(late_us);
            newest = Some(late_us);
        }
        if let Some(late_us) = newest {
            context.metrics.lag_seconds.set(late_us as f64 / 1e6);
        }
    }

    /// Resets for another connection.
    pub(super) fn clear(&mut self) {
        self.pings.clear();
    }
}
