//! What [`Delivery`](super::Delivery) is told, what it wants, and what it says.

use std::time::Duration;

use crate::{Backoff, Flaw, Identity, Position};

/// What is promised of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Consumers that read committed records see each message once. Data, dead letters and position are one transaction;
    /// the feed has to be able to go on from a position.
    ExactlyOnce,
    /// Each message is acknowledged at least once, while this process lives; where the feed can go on from a position, also
    /// when it does not.
    AtLeastOnce,
}

/// How things are delivered.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is promised.
    pub guarantee: Guarantee,
    /// Whether it is over when the feed says its end.
    pub until_end: bool,
    /// The only run that is taken, if any is good.
    pub run: Option<String>,
    /// The name of this process, which stands in the positions that it writes. Each process has another one.
    pub bridge: String,
    /// Messages after which a transaction is committed.
    pub batch_events: u64,
    /// Time after which a transaction is committed, or without transactions a position written.
    pub batch_time: Duration,
    /// Tries in a row to connect to the feed, behind the first one, after which it is given up.
    pub feed_tries: u32,
    /// The pauses between them.
    pub feed_backoff: Backoff,
    /// The same for brokers; without a number it is never given up.
    pub kafka_tries: Option<u32>,
    /// The pauses between them.
    pub kafka_backoff: Backoff,
    /// Times that a record is tried again which the broker refuses for itself.
    pub refusals_max: u32,
}

/// The present, as a driver knows it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Time since some fixed instant.
    pub at: Duration,
    /// A random number of 0 to 1.
    pub random: f64,
}

/// What a feed says in its handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Id of the stream.
    pub stream: Option<String>,
    /// Name of the run.
    pub run: Option<String>,
    /// Number of the first message that will come.
    pub start_seq: Option<u64>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The feed has delivered everything.
    Delivered,
    /// It broke, or could not be made: another one may do better.
    Lost,
    /// The feed wants none of us, and another try would be the same.
    Refused,
    /// The feed broke its own protocol, so that nobody can say which messages it sent.
    Broken,
}

/// What happened. Inputs of a connection carry its number, so that what is left of an older one does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A handshake was answered.
    Connected {
        /// Number of the connection.
        connection: u64,
        /// What the feed said.
        greeting: Greeting,
    },
    /// The next message has this number: the messages before it cannot be had, or the feed went back.
    Jumped {
        /// Number of the connection.
        connection: u64,
        /// Number of the next message.
        seq: u64,
    },
    /// The feed has sent all messages before this one.
    Sent {
        /// Number of the connection.
        connection: u64,
        /// The number.
        seq: u64,
    },
    /// The feed says that its last message is the one before this one.
    Ended {
        /// Number of the connection.
        connection: u64,
        /// The number.
        seq: u64,
    },
    /// A connection ended, or was not made.
    Disconnected {
        /// Number of the connection.
        connection: u64,
        /// In which way.
        ending: Ending,
        /// Why, in words.
        cause: String,
    },
    /// The newest committed position was read; `None` where there is none.
    PositionRead(Option<Position>),
    /// A producer is there, and every older one of the same name is fenced.
    Initialised,
    /// The transaction was committed.
    Committed,
    /// Without transactions: everything before this message is acknowledged.
    Acknowledged {
        /// The number.
        next_seq: u64,
    },
    /// Without transactions: nothing is open any more.
    Drained,
    /// Something about the producer failed: sending, a report, a call. Its state is not known any more.
    Failed {
        /// What, in words.
        cause: String,
        /// Numbers of messages whose records the broker refused for themselves.
        refused: Vec<u64>,
        /// Whether trying again cannot help.
        hopeless: bool,
    },
    /// The time that [`Delivery::poll_timeout`](super::Delivery::poll_timeout) named has come.
    Timeout,
    /// Somebody wants it to stop.
    Stop,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to the feed. Leads to [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// The number that everything about this connection carries.
        connection: u64,
        /// The first message to ask for.
        from_seq: Option<u64>,
    },
    /// Let go of the connection.
    Disconnect,
    /// Make a producer, fencing older ones. Leads to [`Input::Initialised`] or [`Input::Failed`].
    Initialise {
        /// The stream, where the feed names it.
        identity: Option<Identity>,
    },
    /// Read the newest committed position of the run. Leads to [`Input::PositionRead`] or [`Input::Failed`].
    ReadPosition {
        /// The run.
        identity: Identity,
    },
    /// Begin a transaction. Leads to nothing, or to [`Input::Failed`].
    Begin,
    /// Write the position as a part of the transaction, and commit it. Leads to [`Input::Committed`] or [`Input::Failed`].
    Commit {
        /// The position.
        position: Position,
    },
    /// Without transactions: write the position, now that everything before it is acknowledged.
    Checkpoint {
        /// The position.
        position: Position,
    },
    /// Without transactions: wait until everything is acknowledged. Leads to [`Input::Drained`] or [`Input::Failed`].
    Drain,
    /// Let go of the producer, with everything that it holds.
    DropProducer,
    /// Something to be told.
    Note(Note),
    /// It is over.
    Finish(Finish),
}

/// What people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The feed is taken up at this message.
    Reading {
        /// The run, where the feed names it.
        identity: Option<Identity>,
        /// The first message.
        seq: u64,
    },
    /// The feed is gone and will be connected to again.
    Reconnecting {
        /// After this time.
        after: Duration,
        /// Tries in a row.
        tries: u32,
        /// What happened.
        cause: String,
    },
    /// The producer is gone and another one will be made.
    Restarting {
        /// After this time.
        after: Duration,
        /// Tries in a row.
        tries: u32,
        /// What happened.
        cause: String,
    },
    /// The feed has delivered everything.
    Delivered {
        /// The number behind the last message, where the feed numbers them.
        next_seq: Option<u64>,
    },
    /// Something is wrong with the order of what came.
    Flaw(Flaw),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The feed said its end, and everything before it is delivered.
    Complete,
    /// Somebody wanted it to stop.
    Stopped,
    /// The feed cannot be reached.
    FeedUnreachable {
        /// Tries in a row.
        tries: u32,
        /// What happened last.
        cause: String,
    },
    /// The feed wants none of us.
    FeedRefused {
        /// Its words.
        cause: String,
    },
    /// The feed broke its own protocol.
    FeedBroken {
        /// The operation that failed.
        cause: String,
    },
    /// Exactly once was asked for, and the feed cannot go on from a position.
    CannotResume,
    /// The feed plays another run than the one that was asked for.
    OtherRun {
        /// The one that was asked for.
        wanted: String,
        /// The feed's.
        found: String,
    },
    /// Another bridge has taken over.
    TakenOver {
        /// Its name.
        bridge: String,
    },
    /// Nothing can be produced, and trying again does not help.
    KafkaFailed {
        /// What happened last.
        cause: String,
    },
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It goes on its way.
    Produce {
        /// Its number.
        seq: u64,
    },
    /// The same, and nothing else is on its way meanwhile: the broker refused a batch that it was in.
    ProduceAlone {
        /// Its number.
        seq: u64,
    },
    /// The broker refuses it: it is a dead letter.
    Bury {
        /// Its number.
        seq: u64,
        /// Times that it was tried again.
        retries: u32,
    },
    /// It came before, and is left out.
    Skip,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of which one of the next two is true, each once however often it came.
    pub received: u64,
    /// Messages that are records.
    pub produced: u64,
    /// Messages that are dead letters.
    pub dead_lettered: u64,
    /// Messages that the feed could not give any more.
    pub missing: u64,
    /// Messages that came again, and were left out.
    pub repeated: u64,
    /// Connections to the feed behind the first.
    pub reconnects: u64,
    /// Transactions committed.
    pub transactions: u64,
    /// Producers that were let go because something failed.
    pub restarts: u64,
}
