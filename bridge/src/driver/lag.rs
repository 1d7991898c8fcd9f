//! How far delivery is behind what the feed had planned.

use std::collections::VecDeque;

use super::Context;

/// Pings that are remembered: a quarter of an hour of them.
const PINGS_MAX: usize = 10_000;

/// When messages were due, by the feed's pings. Measured against the plan and not against the deed, so that a feed that is
/// held up does not look fast.
#[derive(Debug, Default)]
pub(super) struct Lag {
    /// Everything before the first number was due by the second, in microseconds of Unix time.
    pings: VecDeque<(u64, u64)>,
}

impl Lag {
    /// The feed has sent everything before `seq`, the last of it due at `due_us`.
    pub(super) fn sent(&mut self, seq: u64, due_us: Option<u64>) {
        let Some(due_us) = due_us else { return };
        if self.pings.back().is_some_and(|(last, _)| *last >= seq) {
            // nothing was sent since
            return;
        }
        if self.pings.len() == PINGS_MAX {
            self.pings.pop_front();
        }
        self.pings.push_back((seq, due_us));
    }

    /// Everything before `seq` is delivered.
    pub(super) fn delivered(&mut self, seq: u64, context: &Context<'_>) {
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

    /// Another connection begins.
    pub(super) fn clear(&mut self) {
        self.pings.clear();
    }
}
