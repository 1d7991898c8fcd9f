//! Options of playing and serving a source.

use std::{fmt, ops::Range, sync::Arc, time::Duration};

use tradesim_dialects::Script;
use tradesim_schemas::Timestamp;

use crate::{
    block::Block,
    control::{Command, CommandError},
    dialects::Dialects,
    steering::Steering,
};
use tradesim_protocol::Speed;

/// Options of playing and serving a source.
#[derive(Clone, Debug)]
pub struct Options {
    /// The speed.
    pub speed: Speed,
    /// The clock of the playback.
    pub clock: PlayClock,
    /// True if messages must be played in the order of the source: seeks are refused.
    pub keeps_order: bool,
    /// The recorded time at which playback starts; without it, that of the first message.
    pub start_at: Option<Timestamp>,
    /// The instant of the wall clock at which position 0 of a recording is due, whenever the first client connects. A
    /// playback that begins later has caught up by then, and what is overdue is sent at once. Without it, time starts
    /// with the first client. It does not apply to other clocks.
    pub begins: Option<Timestamp>,
    /// The limit of recorded time without a message. A longer one is shortened to it.
    pub max_gap: Option<Duration>,
    /// The number of clients to wait for before playback begins.
    pub wait_clients: usize,
    /// True if playback begins paused.
    pub start_paused: bool,
    /// True if the server keeps running after everything was delivered.
    pub stay: bool,
    /// The action for a client that does not keep up.
    pub on_slow: OnSlow,
    /// The size of the frames that are held for clients, in bytes. A client that is further behind is too slow.
    pub buffer_bytes: usize,
    /// The limit of the time in which a client accepts no byte although some wait for it.
    pub stall: Duration,
    /// The time that the server waits at the end for clients that left early to come back.
    pub linger: Duration,
    /// The name of the run.
    pub run: String,
    /// The limit of clients at a time.
    pub clients_max: usize,
    /// The limit of clients from one address at a time.
    pub per_address_max: usize,
    /// The values of `Origin` that are accepted in addition to loopback hosts.
    pub origins: Vec<String>,
    /// The hosts that requests may name in addition to loopback names and the address that they arrive at.
    pub hosts: Vec<String>,
    /// True if browsers receive a page for people at `/`.
    pub page: bool,
    /// Permission to control the playback over HTTP.
    pub steering: Steering,
    /// The dialects that are spoken beside our own protocol.
    pub dialects: Dialects,
    /// The script of clients that receive the messages as they are, on any path that is not of a dialect. Our own protocol
    /// is then only spoken at `/`: to all clients if the script does not answer that path, otherwise to those that offer
    /// its subprotocol.
    pub pass_through: Option<Arc<Script>>,
    /// A callback for released messages.
    pub observer: Option<Observer>,
}

/// A callback that receives messages on the player's thread, before any client does: for measurements in the same
/// process.
///
/// It receives a block, the range of its messages that are released, and the time since the server was created;
/// [`Block::due`] is on the same clock.
/// same clock.
#[derive(Clone)]
pub struct Observer(Arc<Released>);

type Released = dyn Fn(&Block, &Range<usize>, Duration) + Send + Sync;

impl Observer {
    /// Calls `released` for each release. It must be quick, because it delays the playback.
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

/// The clock of a playback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayClock {
    /// The clock of a recording: it can be moved, and run at any speed.
    Recording,
    /// The clock of a live stream: it can be paused, but neither moved nor run at another speed.
    Live,
    /// As `Live`, and [`Options::start_at`] is an instant of the wall clock: a playback that begins later has caught
    /// up by then.
    Wall,
}

/// The action for a client that does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSlow {
    /// Disconnect it with 1013 and its last sequence number.
    Disconnect,
    /// Hold the player until it has caught up.
    Wait,
}

impl Options {
    /// Returns options for real time, beginning with the first client, with the documented limits.
    pub fn new(run: impl Into<String>) -> Options {
        Options {
            speed: Speed::REAL_TIME,
            clock: PlayClock::Recording,
            keeps_order: false,
            start_at: None,
            begins: None,
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
            page: true,
            steering: Steering::Loopback,
            dialects: Dialects::default(),
            pass_through: None,
            observer: None,
        }
    }

    /// Returns why a command is not allowed with these options, if it is not.
    pub(crate) fn refusal(&self, command: &Command) -> Option<CommandError> {
        let is_live = self.clock != PlayClock::Recording;
        match command {
            Command::Seek(_) | Command::Loop(_) | Command::Speed(_) if is_live => {
                Some(CommandError::LiveClock)
            }
            Command::Seek(_) | Command::Loop(_) if self.keeps_order => Some(CommandError::KeepsOrder),
            _ => None,
        }
    }

    /// Returns true if the playback can only begin with the first message of the source.
    pub(crate) fn begins_at_first(&self) -> bool {
        self.keeps_order || self.clock != PlayClock::Recording
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::StreamSeq;

    use super::*;
    use tradesim_protocol::Position;

    #[test]
    fn a_live_clock_is_not_moved_and_an_order_is_kept() {
        let seek = Command::Seek("10:00".parse().unwrap());
        let repeat = Command::Loop(None);
        let code = |clock, keeps_order, command: &Command| {
            let options = Options { clock, keeps_order, ..Options::new("test") };
            options.refusal(command).map(|error| error.code())
        };
        for clock in [PlayClock::Live, PlayClock::Wall] {
            assert_eq!(code(clock, false, &seek), Some("live_clock"));
            assert_eq!(code(clock, false, &Command::Seek(Position::Seq(StreamSeq(0)))), Some("live_clock"));
            assert_eq!(code(clock, true, &Command::Speed(Speed::Max)), Some("live_clock"));
            assert_eq!(code(clock, false, &repeat), Some("live_clock"));
            for command in [Command::Pause, Command::Resume, Command::Step(1), Command::Stop] {
                assert_eq!(code(clock, true, &command), None);
            }
        }
        assert_eq!(code(PlayClock::Recording, true, &seek), Some("keeps_order"));
        assert_eq!(code(PlayClock::Recording, true, &repeat), Some("keeps_order"));
        assert_eq!(code(PlayClock::Recording, false, &repeat), None);
        assert_eq!(code(PlayClock::Recording, true, &Command::Speed(Speed::Max)), None);
        assert_eq!(code(PlayClock::Recording, false, &seek), None);
    }
}
