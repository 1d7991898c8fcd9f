//! The schedule of a playback.

use std::time::Duration;

use crate::speed::Speed;

/// The schedule: maps positions of the playback to instants of the player's clock. It is absolute: a late message
/// does not delay the next ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    speed: Speed,
    anchor: Option<Anchor>,
}

/// The point of the schedule from which the others are calculated.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Duration,
    position: Duration,
}

impl Pacer {
    /// Returns a schedule that does not run yet.
    pub(crate) fn new(speed: Speed) -> Pacer {
        Pacer { speed, anchor: None }
    }

    pub(crate) fn speed(&self) -> Speed {
        self.speed
    }

    /// Returns true if the schedule runs.
    pub(crate) fn runs(&self) -> bool {
        self.anchor.is_some()
    }

    /// Starts the schedule at a position, or moves it there.
    pub(crate) fn start(&mut self, position: Duration, now: Duration) {
        self.anchor = Some(Anchor { wall: now, position });
    }

    /// Stops the schedule.
    pub(crate) fn stop(&mut self) {
        self.anchor = None;
    }

    /// Returns the instant at which a position is due; `None` without a schedule, at [`Speed::Max`] or while it is
    /// stopped.
    pub(crate) fn due(&self, position: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.wall + factor.wall(position.saturating_sub(anchor.position)))
            }
            _ => None,
        }
    }

    /// Returns the position that is due now; `None` without a schedule.
    pub(crate) fn position(&self, now: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.position + factor.recorded(now.saturating_sub(anchor.wall)))
            }
            _ => None,
        }
    }

    /// Changes the speed. A schedule that runs continues from `position`.
    pub(crate) fn set_speed(&mut self, speed: Speed, position: Duration, now: Duration) {
        self.speed = speed;
        if self.runs() {
            self.start(position, now);
        }
    }
}
