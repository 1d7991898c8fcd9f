//! Commands for a running player, and its status.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use tradesim_schemas::{ContentDigest, StreamSeq};

use tradesim_protocol::{Position, Speed, State};

use crate::source::SourceError;

/// A command for a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stops the clock.
    Pause,
    /// Starts the clock; also starts a player that still waits for clients.
    Resume,
    /// Plays this many messages and pauses again. The answer reports the status after them.
    Step(u64),
    /// Jumps to a position.
    Seek(Position),
    /// Repeats a stretch until playback is sent elsewhere; `None` ends the repetition.
    Loop(Option<LoopRange>),
    /// Changes the speed.
    Speed(Speed),
    /// Ends the playback, as a signal does.
    Stop,
}

/// The stretch that a client or a command line wants to be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopRange {
    /// The first message.
    pub from: Position,
    /// The message after the last one; the end of the stream is allowed.
    pub to: Position,
}

/// The stretch that is repeated: the messages from `from` up to but not including `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopBounds {
    /// The stream sequence number of the first message.
    pub from: StreamSeq,
    /// The stream sequence number after the last message.
    pub to: StreamSeq,
}

impl LoopBounds {
    /// Returns true if the message is in the stretch.
    pub(crate) fn contain(self, seq: StreamSeq) -> bool {
        (self.from..self.to).contains(&seq)
    }
}

/// A command that was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The requested position is not available.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The stretch of a loop has no messages.
    #[error("a loop needs at least one message, but it would begin at seq {from} and end before seq {to}")]
    EmptyLoop {
        /// The beginning of the stretch.
        from: StreamSeq,
        /// The end of the stretch.
        to: StreamSeq,
    },
    /// The playback has ended.
    #[error("the playback has ended")]
    Over,
    /// The playback follows the clock of a live stream.
    #[error("a live stream can be paused, but not moved, and its speed is always 1x")]
    LiveClock,
    /// The messages must be played in the order of the source.
    #[error("cannot seek while recording")]
    KeepsOrder,
}

impl CommandError {
    /// Returns a stable code for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            CommandError::Source(SourceError::BeyondEnd { .. }) => "beyond_end",
            CommandError::Source(SourceError::Gone { .. }) => "gone",
            CommandError::Source(SourceError::InvalidPosition { .. }) => "no_place",
            CommandError::Source(SourceError::Read(_)) => "source_failed",
            CommandError::EmptyLoop { .. } => "empty_loop",
            CommandError::Over => "over",
            CommandError::LiveClock => "live_clock",
            CommandError::KeepsOrder => "keeps_order",
        }
    }

    /// Returns true if the command conflicts with the state of the playback, rather than being invalid.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, CommandError::Over | CommandError::LiveClock | CommandError::KeepsOrder)
    }
}

/// Lateness in milliseconds: the time from when a message was due until it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lateness {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    pub p999: f64,
    /// The maximum.
    pub max: f64,
}

/// The status of a server: the answer to `GET /status` (docs/PROTOCOL.md, section 6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of this object's layout.
    pub schema_version: u32,
    /// The state of the player.
    pub state: State,
    /// The id of the stream.
    pub stream: String,
    /// The name of the run.
    pub run: String,
    /// The digest of the whole stream, if it is known in advance.
    pub digest: Option<String>,
    /// The stream sequence number of the next message.
    pub seq: StreamSeq,
    /// The number of messages in the stream, if it is known.
    pub messages: Option<u64>,
    /// The recorded time of the next message.
    pub time: Option<String>,
    /// The requested speed, such as `50x` or `max`.
    pub speed: String,
    /// The recorded time played per second, since the start and without pauses.
    pub speed_achieved: Option<f64>,
    /// The time of playback in seconds, without pauses.
    pub seconds: f64,
    /// The messages sent, counted once however many clients there are. Messages that a fault removes do not count,
    /// and messages that a fault repeats count twice.
    pub sent: u64,
    /// The stretch that is repeated.
    #[serde(rename = "loop", default)]
    pub looped: Option<LoopBounds>,
    /// The digest of what was played so far; `None` after a jump.
    #[serde(default)]
    pub digest_sent: Option<DigestSent>,
    /// The permission to send commands over HTTP: `loopback`, `token` or `off`.
    #[serde(default)]
    pub control: Cow<'static, str>,
    /// The lateness at the sockets of all clients or, if there never was a client, at the player.
    pub late_ms: Option<Lateness>,
    /// The connected clients.
    pub clients: Vec<ClientStatus>,
}

/// The digest of the messages that were played so far. It is at most a tenth of a second old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSent {
    /// The number of these messages, counted as [`Status::sent`].
    pub messages: u64,
    /// Their digest.
    pub digest: String,
}

/// The status of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientStatus {
    /// The number of the connection, from 1.
    pub id: u64,
    /// The address of the client.
    pub peer: String,
    /// `tradesim.v1`, if the client requested it.
    pub protocol: Option<Cow<'static, str>>,
    /// The stream sequence number of the first message that it receives.
    pub start_seq: StreamSeq,
    /// The stream sequence number after the last message that it was sent.
    pub seq: StreamSeq,
    /// The number of messages that it was sent.
    pub sent: u64,
    /// The number of messages that were played and that it was not sent yet.
    pub lag_messages: u64,
    /// The bytes of these messages, as far as they are still held.
    pub lag_bytes: u64,
    /// The time since its next message was due, in seconds: 0 for a client that has everything that was played, and
    /// `None` if that is unknown, as at [`Speed::Max`] and while it reads older messages.
    #[serde(default)]
    pub lag_seconds: Option<f64>,
    /// A description of what it receives, such as `AAPL, MSFT; trade`; `None` if it receives everything.
    #[serde(default)]
    pub selection: Option<String>,
    /// The lateness at its socket.
    pub late_ms: Option<Lateness>,
    /// The close code, if the client is disconnected.
    pub closed: Option<u16>,
    /// True if it received the end of the stream and confirmed it.
    #[serde(default)]
    pub delivered: bool,
}

/// The result of a playback that has ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status at the end. The clients that were disconnected by then come first (at most 1,000 of them).
    pub status: Status,
    /// True if the stream was played to its end.
    pub complete: bool,
    /// The stream sequence number of the first message that was played.
    pub first_seq: StreamSeq,
    /// The digest of everything that was played; `None` after a seek.
    pub digest: Option<ContentDigest>,
    /// The lateness of the player itself: the time from when a message was due until it was handed to the clients.
    pub player_late_ms: Option<Lateness>,
    /// The idle intervals that were shortened.
    pub shortened: IntervalStats,
    /// The intervals in which messages left more than 10 ms late.
    pub late: IntervalStats,
    /// The times that the player waited for a client (`OnSlow::Wait`).
    pub waited: IntervalStats,
    /// The number of clients disconnected as too slow.
    pub closed_slow: u64,
    /// The total number of clients.
    pub clients_total: u64,
}

/// Statistics of time intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct IntervalStats {
    /// The number of intervals.
    pub count: u64,
    /// Their total, in seconds.
    pub seconds: f64,
    /// The longest, in seconds.
    pub longest_seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_it_was_written() {
        let late = Some(Lateness { p50: 0.1, p99: 0.5, p999: 1.25, max: 3.0 });
        let client = ClientStatus {
            id: 1,
            peer: "127.0.0.1:41219".to_owned(),
            protocol: Some(tradesim_protocol::SUBPROTOCOL.into()),
            start_seq: StreamSeq(3),
            seq: StreamSeq(9),
            sent: 6,
            lag_messages: 2,
            lag_bytes: 700,
            lag_seconds: Some(0.25),
            selection: Some("AAPL; trade".to_owned()),
            late_ms: late,
            closed: Some(1013),
            delivered: false,
        };
        let status = Status {
            schema_version: 1,
            state: State::Paused,
            stream: "s".to_owned(),
            run: "r".to_owned(),
            digest: None,
            seq: StreamSeq(11),
            messages: Some(20),
            time: Some("2026-02-18T14:30:00.000000Z".to_owned()),
            speed: "50x".to_owned(),
            speed_achieved: Some(49.5),
            seconds: 0.25,
            sent: 11,
            looped: Some(LoopBounds { from: StreamSeq(5), to: StreamSeq(15) }),
            digest_sent: Some(DigestSent { messages: 11, digest: "blake3:00".to_owned() }),
            control: "token".into(),
            late_ms: None,
            clients: vec![client],
        };
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        assert!(text.contains(r#""state":"paused""#), "{text}");
        assert!(text.contains(r#""loop":{"from":5,"to":15}"#), "{text}");
    }
}
