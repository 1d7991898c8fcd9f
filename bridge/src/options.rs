//! What a bridge is told, and what it says at the end.

use std::{sync::Arc, time::Duration};

use tradesim_bridge_core::{Counts, Identity, Topics};
use tradesim_schemas::ReadOptions;

use crate::{
    connection::{ConnectionError, KafkaConnection},
    feed::FeedUrlError,
    kafka::ProducerOptions,
    registry::{Registry, RegistryError},
    socket::Dialogue,
};

/// A bridge from a feed to topics.
#[derive(Clone, Debug)]
pub struct BridgeOptions {
    /// The WebSocket server.
    pub feed_url: String,
    /// How long it may take to accept a connection, and to answer the handshake.
    pub connect_timeout: Duration,
    /// What is said to it, and which of its messages are heartbeats.
    pub dialogue: Dialogue,
    /// The brokers.
    pub kafka: KafkaConnection,
    /// The producer.
    pub producer: ProducerOptions,
    /// The schema registry.
    pub registry: Registry,
    /// Whether schemas are registered that are not yet.
    pub register_schemas: bool,
    /// Names of the topics.
    pub topics: Arc<Topics>,
    /// How messages are delivered.
    pub delivery: tradesim_bridge_core::Options,
    /// Which messages are valid.
    pub read: ReadOptions,
    /// The name of the run where the feed names none.
    pub run: String,
    /// Host and port of `/metrics`, `/healthz` and `/readyz`, if they are wanted.
    pub metrics: Option<(String, u16)>,
    /// How long it may take to stop while something is not acknowledged.
    pub stop_patience: Duration,
}

/// What a bridge did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was done with messages.
    pub counts: Counts,
    /// Stream and run, where the feed names them.
    pub identity: Option<Identity>,
    /// The run that headers name.
    pub run: String,
    /// Everything before this message is delivered.
    pub next_seq: u64,
    /// Messages that were taken and not acknowledged, which happens only without transactions.
    pub undelivered: u64,
    /// Messages that came while it stopped and were not taken, of a feed that cannot send them again.
    pub discarded: u64,
    /// Messages of the feed that were heartbeats.
    pub heartbeats: u64,
    /// How long it ran.
    pub seconds: f64,
}

/// How a bridge ended where nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The feed said its end, and everything before it is delivered.
    Complete,
    /// Somebody wanted it to stop.
    Stopped,
}

/// Why a bridge cannot run, or not any longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The URL of the feed.
    #[error(transparent)]
    FeedUrl(#[from] FeedUrlError),
    /// The registry, for a reason that waiting does not help.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The settings of the producer.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The port of metrics.
    #[error("metrics cannot be served on {host}:{port}")]
    Metrics {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("no thread can be started")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
    /// A topic that is needed.
    #[error("the topic {topic} does not exist")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// The feed, after all tries.
    #[error("the feed cannot be reached, tried {tries} times: {cause}")]
    FeedUnreachable {
        /// Tries in a row.
        tries: u32,
        /// What happened last.
        cause: String,
    },
    /// The feed wants none of us.
    #[error("the feed refuses: {cause}")]
    FeedRefused {
        /// Its words.
        cause: String,
    },
    /// The feed broke its own protocol.
    #[error("the feed breaks its protocol: {cause}")]
    FeedBroken {
        /// The operation that failed.
        cause: String,
    },
    /// Exactly once was asked for.
    #[error(
        "this feed does not number its messages, so that nobody can go on where another left off: exactly once is not possible"
    )]
    CannotResume,
    /// Another run was asked for.
    #[error("the feed plays the run {found}, and {wanted} is wanted")]
    OtherRun {
        /// The one that was asked for.
        wanted: String,
        /// The feed's.
        found: String,
    },
    /// Another bridge does the work now.
    #[error("another bridge ({bridge}) has taken over")]
    TakenOver {
        /// Its name.
        bridge: String,
    },
    /// Brokers, after all tries or where trying does not help.
    #[error("nothing can be produced: {cause}")]
    Kafka {
        /// What happened last.
        cause: String,
    },
}
