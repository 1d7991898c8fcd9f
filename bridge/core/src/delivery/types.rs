//! The inputs, actions and notes of [`Delivery`](super::Delivery).

use std::time::Duration;

use tradesim_schemas::StreamSeq;

use crate::{Backoff, Flaw, Identity, Position};

/// The delivery guarantee for every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Consumers that read committed records see each message once. Records, dead letters and the position form one
    /// transaction; the feed must be able to resume from a position.
    ExactlyOnce,
    /// Each message is acknowledged at least once, as long as this process runs; if the feed can resume from a
    /// position, also across restarts.
    AtLeastOnce,
}

/// Options of a delivery.
#[derive(Clone, Debug)]
pub struct Options {
    /// The guarantee.
    pub guarantee: Guarantee,
    /// True if the bridge ends when the feed announces its end.
    pub until_end: bool,
    /// The only accepted run, or `None` for any.
    pub run: Option<String>,
    /// The name of this process, which is written into its positions. Each process has a different one.
    pub bridge: String,
    /// The number of messages after which a transaction is committed.
    pub batch_events: u64,
    /// The time after which a transaction is committed or, without transactions, a position is written.
    pub batch_time: Duration,
    /// The number of consecutive reconnect attempts before the feed is given up.
    pub feed_tries: u32,
    /// The delays between them.
    pub feed_backoff: Backoff,
    /// The same for brokers; `None` for an unlimited number.
    pub kafka_tries: Option<u32>,
    /// The delays between them.
    pub kafka_backoff: Backoff,
    /// The number of retries of a record that the broker refuses because of its content.
    pub refusals_max: u32,
}

/// The current time, and a random number.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The time since some fixed instant.
    pub at: Duration,
    /// A random number from 0 to 1.
    pub random: f64,
}

/// The properties that a feed states in its handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandshakeInfo {
    /// The id of the stream.
    pub stream: Option<String>,
    /// The name of the run.
    pub run: Option<String>,
    /// The number of the first message that will be sent.
    pub start_seq: Option<StreamSeq>,
}

/// The reason for which a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The feed has delivered everything.
    Delivered,
    /// It broke, or could not be established: a retry may succeed.
    Lost,
    /// The feed rejected the connection, and a retry would fail as well.
    Refused,
    /// The feed violated its own protocol, so that it is unknown which messages it sent.
    Broken,
}

/// An event. Events of a connection carry its number, so that late events of an older one are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A handshake was answered.
    Connected {
        /// The number of the connection.
        connection: u64,
        /// The properties of the handshake.
        handshake: HandshakeInfo,
    },
    /// The next message has this number: the messages before it are unavailable, or the feed went back.
    Jumped {
        /// The number of the connection.
        connection: u64,
        /// The number of the next message.
        seq: StreamSeq,
    },
    /// The feed has sent all messages before this one.
    Sent {
        /// The number of the connection.
        connection: u64,
        /// The number.
        seq: StreamSeq,
    },
    /// The feed announced that its last message is the one before this one.
    Ended {
        /// The number of the connection.
        connection: u64,
        /// The number.
        seq: StreamSeq,
    },
    /// A connection ended, or could not be established.
    Disconnected {
        /// The number of the connection.
        connection: u64,
        /// The reason.
        reason: DisconnectReason,
        /// The cause, as text.
        cause: String,
    },
    /// The newest committed position was read; `None` if there is none.
    PositionRead(Option<Position>),
    /// A producer was created, and every older one of the same name is fenced.
    Initialised,
    /// The transaction was committed.
    Committed,
    /// Without transactions: all messages before this one are acknowledged.
    Acknowledged {
        /// The number.
        next_seq: StreamSeq,
    },
    /// Without transactions: no record is open any more.
    Drained,
    /// An operation of the producer failed: sending, a report, or a call. The state of the producer is unknown.
    Failed {
        /// The cause, as text.
        cause: String,
        /// The numbers of messages whose records the broker refused because of their content.
        refused: Vec<StreamSeq>,
        /// True if a retry cannot succeed.
        is_fatal: bool,
    },
    /// The time that [`Delivery::poll_timeout`](super::Delivery::poll_timeout) returned has come.
    Timeout,
    /// The bridge was requested to stop.
    Stop,
}

/// An action. Actions are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to the feed. Results in [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// The number that all events of this connection carry.
        connection: u64,
        /// The first message to request.
        from_seq: Option<StreamSeq>,
    },
    /// Drop the connection.
    Disconnect,
    /// Create a producer, fencing older ones. Results in [`Input::Initialised`] or [`Input::Failed`].
    Initialise {
        /// The stream, if the feed names it.
        identity: Option<Identity>,
    },
    /// Read the newest committed position of the run. Results in [`Input::PositionRead`] or [`Input::Failed`].
    ReadPosition {
        /// The run.
        identity: Identity,
    },
    /// Begin a transaction. Results in no input, or in [`Input::Failed`].
    Begin,
    /// Write the position as a part of the transaction, and commit it. Results in [`Input::Committed`] or
    /// [`Input::Failed`].
    Commit {
        /// The position.
        position: Position,
    },
    /// Without transactions: write the position, because all messages before it are acknowledged.
    Checkpoint {
        /// The position.
        position: Position,
    },
    /// Without transactions: wait until everything is acknowledged. Results in [`Input::Drained`] or
    /// [`Input::Failed`].
    Drain,
    /// Drop the producer, with everything that it holds.
    DropProducer,
    /// Report something.
    Note(Note),
    /// End.
    Finish(Finish),
}

/// An event to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The feed is read from this message on.
    Reading {
        /// The run, if the feed names it.
        identity: Option<Identity>,
        /// The first message.
        seq: StreamSeq,
    },
    /// The connection was lost and will be established again.
    Reconnecting {
        /// The delay.
        after: Duration,
        /// The number of consecutive attempts.
        tries: u32,
        /// The cause.
        cause: String,
    },
    /// The producer failed and another one will be created.
    Restarting {
        /// The delay.
        after: Duration,
        /// The number of consecutive attempts.
        tries: u32,
        /// The cause.
        cause: String,
    },
    /// The feed has delivered everything.
    Delivered {
        /// The number after the last message, if the feed numbers them.
        next_seq: Option<StreamSeq>,
    },
    /// The order of the received messages has a flaw.
    Flaw(Flaw),
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The feed announced its end, and all messages before it are delivered.
    Complete,
    /// The bridge was requested to stop.
    Stopped,
    /// The feed is unreachable.
    FeedUnreachable {
        /// The number of consecutive attempts.
        tries: u32,
        /// The last cause.
        cause: String,
    },
    /// The feed rejected the connection.
    FeedRefused {
        /// The cause, as stated by the feed.
        cause: String,
    },
    /// The feed violated its own protocol.
    FeedBroken {
        /// The violation.
        cause: String,
    },
    /// Exactly-once delivery was requested, but the feed cannot resume from a position.
    CannotResume,
    /// The feed plays another run than the requested one.
    OtherRun {
        /// The requested run.
        wanted: String,
        /// The run of the feed.
        found: String,
    },
    /// Another bridge has taken over.
    TakenOver {
        /// The name of that bridge.
        bridge: String,
    },
    /// Nothing can be produced, and a retry cannot succeed.
    KafkaFailed {
        /// The last cause.
        cause: String,
    },
}

/// The decision about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is produced.
    Produce {
        /// Its number.
        seq: StreamSeq,
    },
    /// It is produced while no other record is in flight, because the broker refused a batch with it.
    ProduceAlone {
        /// Its number.
        seq: StreamSeq,
    },
    /// The broker refuses it: it becomes a dead letter.
    DeadLetter {
        /// Its number.
        seq: StreamSeq,
        /// The number of retries.
        retries: u32,
    },
    /// It was received before, and is skipped.
    Skip,
}

/// The counts of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of which one of the next two is true, each counted once however often it was received.
    pub received: u64,
    /// Messages that became records.
    pub produced: u64,
    /// Messages that became dead letters.
    pub dead_lettered: u64,
    /// Messages that the feed could no longer send.
    pub missing: u64,
    /// Messages that were received again, and skipped.
    pub repeated: u64,
    /// Connections to the feed after the first one.
    pub reconnects: u64,
    /// Transactions committed.
    pub transactions: u64,
    /// Producers that were dropped after a failure.
    pub restarts: u64,
}
