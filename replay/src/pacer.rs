//! When a position of play is due.

use std::time::Duration;

use crate::speed::Speed;

/// The schedule: positions of play against the player's clock. It is absolute: what is late does not move what follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    speed: Speed,
    anchor: Option<Anchor>,
}

/// A point of the schedule, from which the others are reckoned.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Duration,
    position: Duration,
}

impl Pacer {
    /// A schedule that does not run yet.
    pub(crate) fn new(speed: Speed) -> Pacer {
        Pacer { speed, anchor: None }
    }

    pub(crate) fn speed(&self) -> Speed {
        self.speed
    }

    /// Whether the schedule runs.
    pub(crate) fn runs(&self) -> bool {
        self.anchor.is_some()
    }

    /// Lets the schedule run from a position on, or from another one.
    pub(crate) fn start(&mut self, position: Duration, now: Duration) {
        self.anchor = Some(Anchor { wall: now, position });
    }

    /// Stops the schedule.
    pub(crate) fn stop(&mut self) {
        self.anchor = None;
    }

    /// When a position is due; `None` without a schedule, at [`Speed::Max`] or while it stands.
    pub(crate) fn due(&self, position: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.wall + factor.wall(position.saturating_sub(anchor.position)))
            }
            _ => None,
        }
    }

    /// The position that is due now; `None` without a schedule.
    pub(crate) fn position(&self, now: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.position + factor.recorded(now.saturating_sub(anchor.wall)))
            }
            _ => None,
        }
    }

    /// Changes the speed. What runs goes on from `position`.
    pub(crate) fn set_speed(&mut self, speed: Speed, position: Duration, now: Duration) {
        self.speed = speed;
        if self.runs() {
            self.start(position, now);
        }
    }
}
