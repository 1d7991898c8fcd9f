//! How a source is played and served.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::Timestamp;

use crate::{
    block::Block,
    control::{Command, CommandError},
    speed::Speed,
    steering::Steering,
};

/// How a source is played and served.
#[derive(Clone, Debug)]
pub struct Options {
    /// How fast.
    pub speed: Speed,
    /// What the clock of the play is.
    pub clock: PlayClock,
    /// Whether the messages are played in the order of the source and no other: jumps are refused.
    pub keeps_order: bool,
    /// Recorded instant at which the clock of the play starts; without one it is that of the first message.
    pub start_at: Option<Timestamp>,
    /// Recorded time without a message that is longer than this is shortened to it.
    pub max_gap: Option<Duration>,
    /// Clients for which the play waits before it begins.
    pub wait_clients: usize,
    /// Whether the play begins paused.
    pub start_paused: bool,
    /// Whether the server stays when everything was delivered.
    pub stay: bool,
    /// What becomes of a client that cannot follow.
    pub on_slow: OnSlow,
    /// Bytes of frames that are held for clients behind the player; one that is further behind is too slow.
    pub buffer_bytes: usize,
    /// How long a client may take no byte although there are some for it.
    pub stall: Duration,
    /// How long the server stays, at the end, for clients that left before it to come back.
    pub linger: Duration,
    /// Name of the run.
    pub run: String,
    /// Clients at once.
    pub clients_max: usize,
    /// Clients of one address at once.
    pub per_address_max: usize,
    /// Values of `Origin` that are accepted besides loopback hosts.
    pub origins: Vec<String>,
    /// Hosts that requests may name besides loopback names and the address they come to.
    pub hosts: Vec<String>,
    /// Who may steer the play over HTTP.
    pub steering: Steering,
    /// Who is told of what is released, if anybody.
    pub observer: Option<Observer>,
}

/// Is told of messages on the player's thread, before any client gets them: for measuring in the same process.
///
/// It gets a block, which of its messages are released, and the time since the server was made; [`Block::due`] is on the
/// same clock.
#[derive(Clone)]
pub struct Observer(Arc<Released>);

type Released = dyn Fn(&Block, &Range<usize>, Duration) + Send + Sync;

impl Observer {
    /// Calls `released` for each release. It holds up the play, so it has to be quick.
    pub fn new(released: impl Fn(&Block, &Range<usize>, Duration) + Send + Sync + 'static) -> Observer {
        Observer(Arc::new(released))
    }

    pub(crate) fn released(&self, block: &Block, messages: &Range<usize>, now: Duration) {
        (self.0)(block, messages, now);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// What the clock of a play is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayClock {
    /// That of a recording: it can be moved, and run at any speed.
    Recording,
    /// That of a live stream: it can be stopped, but neither moved nor run at another speed.
    Live,
    /// The same, and [`Options::start_at`] is an instant of the wall clock: a play that begins later is as far by then as
    /// it would have been.
    Wall,
}

/// What becomes of a client that cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSlow {
    /// It is closed with 1013 and its last seq.
    Disconnect,
    /// The player waits for it.
    Wait,
}

impl Options {
    /// Real time, from the first client on, with the documented bounds.
    pub fn new(run: impl Into<String>) -> Options {
        Options {
            speed: Speed::REAL_TIME,
            clock: PlayClock::Recording,
            keeps_order: false,
            start_at: None,
            max_gap: None,
            wait_clients: 1,
            start_paused: false,
            stay: false,
            on_slow: OnSlow::Disconnect,
            buffer_bytes: 64 << 20,
            stall: Duration::from_secs(10),
            linger: Duration::from_secs(10),
            run: run.into(),
            clients_max: 1024,
            per_address_max: 64,
            origins: Vec::new(),
            hosts: Vec::new(),
            steering: Steering::Loopback,
            observer: None,
        }
    }

    /// Why a command is refused here, if it is.
    pub(crate) fn refusal(&self, command: &Command) -> Option<CommandError> {
        let is_live = self.clock != PlayClock::Recording;
        match command {
            Command::Seek(_) | Command::SeekTo(_) | Command::Speed(_) if is_live => {
                Some(CommandError::LiveClock)
            }
            Command::Seek(_) | Command::SeekTo(_) if self.keeps_order => Some(CommandError::KeepsOrder),
            _ => None,
        }
    }

    /// Whether the play can only begin with the first message of the source.
    pub(crate) fn begins_at_first(&self) -> bool {
        self.keeps_order || self.clock != PlayClock::Recording
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_clock_is_not_moved_and_an_order_is_kept() {
        let seek = Command::SeekTo("10:00".to_owned());
        let code = |clock, keeps_order, command: &Command| {
            let options = Options { clock, keeps_order, ..Options::new("test") };
            options.refusal(command).map(|error| error.code())
        };
        for clock in [PlayClock::Live, PlayClock::Wall] {
            assert_eq!(code(clock, false, &seek), Some("live_clock"));
            assert_eq!(code(clock, false, &Command::Seek(0)), Some("live_clock"));
            assert_eq!(code(clock, true, &Command::Speed(Speed::Max)), Some("live_clock"));
            for command in [Command::Pause, Command::Resume, Command::Step(1), Command::Stop] {
                assert_eq!(code(clock, true, &command), None);
            }
        }
        assert_eq!(code(PlayClock::Recording, true, &seek), Some("keeps_order"));
        assert_eq!(code(PlayClock::Recording, true, &Command::Speed(Speed::Max)), None);
        assert_eq!(code(PlayClock::Recording, false, &seek), None);
    }
}
