//! What can be asked of a running player, and what it says about itself.

use serde::Serialize;

use tradesim_schemas::Digest;

use crate::{source::SourceError, speed::Speed};

/// What steers a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop the clock.
    Pause,
    /// Let it run; also starts a player that still waits for clients.
    Resume,
    /// Play this many messages and stop again. The answer says how things stand after them.
    Step(u64),
    /// Jump to the message of this seq.
    Seek(u64),
    /// Jump to the first message at or behind a place, such as `10:00`.
    SeekTo(String),
    /// Change the speed.
    Speed(Speed),
    /// End the play, as a signal would.
    Stop,
}

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The place or seq cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The play is over.
    #[error("the play is over")]
    Over,
    /// The clock of the play is that of a live stream.
    #[error("the clock of a live stream can be paused, but not moved, and it runs at 1x")]
    LiveClock,
    /// The messages keep the order of the source.
    #[error("what is played is being recorded, in its order: there are no jumps")]
    KeepsOrder,
}

impl CommandError {
    /// A stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            CommandError::Source(SourceError::BeyondEnd { .. }) => "beyond_end",
            CommandError::Source(SourceError::Gone { .. }) => "gone",
            CommandError::Source(SourceError::NoPlace { .. }) => "no_place",
            CommandError::Source(SourceError::Read(_)) => "source_failed",
            CommandError::Over => "over",
            CommandError::LiveClock => "live_clock",
            CommandError::KeepsOrder => "keeps_order",
        }
    }

    /// Whether it is the state of the play that forbids the command, and not what the command says.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, CommandError::Over | CommandError::LiveClock | CommandError::KeepsOrder)
    }
}

/// Where a player stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For clients.
    Waiting,
    /// The clock runs.
    Playing,
    /// The clock stands.
    Paused,
    /// Everything was played.
    Ended,
}

impl State {
    /// The text in statuses and notices.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Playing => "playing",
            State::Paused => "paused",
            State::Ended => "ended",
        }
    }

    /// The state with this text.
    pub fn parse(text: &str) -> Option<State> {
        [State::Waiting, State::Playing, State::Paused, State::Ended]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Lateness, intended against actual, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lateness {
    /// Half of the messages were at most this late.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    pub p999: f64,
    /// The latest.
    pub max: f64,
}

/// How things stand: the answer of `GET /status` (docs/PROTOCOL.md, section 6).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Version of this object's layout.
    pub schema_version: u32,
    /// Where the player stands.
    pub state: State,
    /// Id of the stream.
    pub stream: String,
    /// Name of the run.
    pub run: String,
    /// Digest of the whole stream, where it is known beforehand.
    pub digest: Option<String>,
    /// Seq of the next message.
    pub seq: u64,
    /// How many messages there are, where that is known.
    pub messages: Option<u64>,
    /// Recorded time of the next message.
    pub time: Option<String>,
    /// Speed asked for, as `50x` or `max`.
    pub speed: String,
    /// Recorded time played in a second, since the start and without pauses.
    pub speed_achieved: Option<f64>,
    /// Seconds of play, without pauses.
    pub seconds: f64,
    /// Messages sent, once, however many clients: not those that are missing on purpose, and twice those that come twice.
    pub sent: u64,
    /// Lateness at the sockets of all clients; where there never was one, of the player.
    pub late_ms: Option<Lateness>,
    /// The clients that are connected.
    pub clients: Vec<ClientStatus>,
}

/// How a client stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientStatus {
    /// Number of the connection, from 1.
    pub id: u64,
    /// Its address.
    pub peer: String,
    /// `tradesim.v1`, if it was asked for.
    pub protocol: Option<&'static str>,
    /// Seq of the first message that it got or will get.
    pub start_seq: u64,
    /// Seq behind the last message that it got.
    pub seq: u64,
    /// Messages that it got.
    pub sent: u64,
    /// Messages of the player that it has not got yet.
    pub lag_messages: u64,
    /// Their bytes, where they are still held.
    pub lag_bytes: u64,
    /// Lateness at its socket.
    pub late_ms: Option<Lateness>,
    /// Why it went: a close code, for those that are gone.
    pub closed: Option<u16>,
    /// Whether it got the end of the stream and said so.
    pub delivered: bool,
}

/// What a play came to, when it is over.
#[derive(Clone, Debug)]
pub struct Report {
    /// How things stood at the end, with the clients that had gone by then (the first 1,000 of them) before the others.
    pub status: Status,
    /// Whether the stream was played to its end.
    pub complete: bool,
    /// Seq of the first message that was played.
    pub first_seq: u64,
    /// Digest of everything that was played; `None` after a seek.
    pub digest: Option<Digest>,
    /// Lateness of the player itself: from when a message was due until it was handed to the clients.
    pub player_late_ms: Option<Lateness>,
    /// Idle stretches that were shortened.
    pub shortened: Stretches,
    /// Stretches in which messages left more than 10 ms late.
    pub late: Stretches,
    /// Times that the player waited for a client (`OnSlow::Wait`).
    pub waited: Stretches,
    /// Clients closed as too slow.
    pub closed_slow: u64,
    /// Clients that ever were there.
    pub clients_total: u64,
}

/// Stretches of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stretches {
    /// How many.
    pub count: u64,
    /// Together, in seconds.
    pub seconds: f64,
    /// The longest, in seconds.
    pub longest_seconds: f64,
}
