//! The schedule of a playback.

use std::time::Duration;

use tradesim_protocol::Speed;

/// The schedule: maps positions of the playback to instants of the player's clock. It is absolute: a late message
/// does not delay the next ones.
///
/// ```
/// use std::time::Duration;
///
/// use tradesim_replay::cores::Pacer;
///
/// let s = Duration::from_secs;
/// let mut pacer = Pacer::new("2x".parse()?);
/// assert_eq!(pacer.due(s(10)), None, "the schedule does not run yet");
///
/// // at twice the speed, 10 recorded seconds take 5 seconds
/// pacer.start(s(0), s(100));
/// assert_eq!(pacer.due(s(10)), Some(s(105)));
/// assert_eq!(pacer.position(s(105)), Some(s(10)));
///
/// // the schedule continues from the position at which the speed changes
/// pacer.set_speed("0.5x".parse()?, s(10), s(105));
/// assert_eq!(pacer.due(s(12)), Some(s(109)));
/// # Ok::<(), tradesim_protocol::ParseSpeedError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
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
    pub fn new(speed: Speed) -> Pacer {
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
    pub fn start(&mut self, position: Duration, now: Duration) {
        self.anchor = Some(Anchor { wall: now, position });
    }

    /// Stops the schedule.
    pub fn stop(&mut self) {
        self.anchor = None;
    }

    /// Returns the instant at which a position is due; `None` without a schedule, at [`Speed::Max`] or while it is
    /// stopped.
    pub fn due(&self, position: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.wall + factor.wall(position.saturating_sub(anchor.position)))
            }
            _ => None,
        }
    }

    /// Returns the position that is due now; `None` without a schedule.
    pub fn position(&self, now: Duration) -> Option<Duration> {
        match (self.speed, self.anchor) {
            (Speed::Times(factor), Some(anchor)) => {
                Some(anchor.position + factor.recorded(now.saturating_sub(anchor.wall)))
            }
            _ => None,
        }
    }

    /// Changes the speed. A schedule that runs continues from `position`.
    pub fn set_speed(&mut self, speed: Speed, position: Duration, now: Duration) {
        self.speed = speed;
        if self.runs() {
            self.start(position, now);
        }
    }
}
